// How long a put of another process takes at worst while this one looks through, syncs, compresses
// and exports a large store. Each of the operations runs ten times, each time after a while of puts
// alone. Nine times of ten the longest put beside it may take 50 ms more than the longest one of
// all that were alone.
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_future.hpp>
#include <conduit/flat_file_db.hpp>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/process_arguments.hpp"
#include "support/shared_memory.hpp"
// The build gives a torture program one source and the library.
#include "support/bytes.cpp"
#include "support/child_process.cpp"

namespace conduit::test {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::uint32_t rounds = 10;
constexpr std::uint32_t well_min = 9;
constexpr std::size_t blob_bytes = 1U << 20;
constexpr std::uint64_t unsynced_bytes = 600U << 20;
constexpr double excess_max_ms = 50;

template <typename Result>
Result run(asio::io_context& context, asio::awaitable<Result> work) {
  auto result = asio::co_spawn(context, std::move(work), asio::use_future);
  context.restart();
  context.run();
  return result.get();
}

// A process that puts 4 KiB every half millisecond, and the longest put since it was last asked.
class putter {
 public:
  explicit putter(const options& how) : child_([this, how] { return run_for_ever(how); }) {
    puts_since_last();
  }

  // Runs `work`, for at least `least`; the longest put that ended meanwhile, in milliseconds.
  double longest_beside(const std::function<void()>& work, std::chrono::milliseconds least) {
    longest_ns_->store(0);
    const auto begun = clock::now();
    work();
    puts_since_last();
    // One put at least has begun before the work ended, and one after it.
    for (std::uint64_t ended = 0; ended < 2 || clock::now() - begun < least;)
      ended += puts_since_last();
    return static_cast<double>(longest_ns_->load()) / 1e6;
  }

 private:
  // Waits for one.
  std::uint64_t puts_since_last() const {
    std::uint64_t ended = 0;
    if (::read(ended_puts_.get(), &ended, sizeof ended) != sizeof ended)
      throw std::system_error(errno, std::system_category(), "eventfd");
    return ended;
  }
  int run_for_ever(const options& how) {
    asio::io_context context(1);
    run(context, put_for_ever(flat_file_db::open(context, how)));
    return 0;
  }
  asio::awaitable<void> put_for_ever(flat_file_db db) {
    const std::string bytes = bytes_of(1, 4096);
    asio::steady_timer pause(co_await asio::this_coro::executor);
    for (;;) {
      const auto begun = clock::now();
      co_await db.put(asio::buffer(bytes));
      const auto ns =
          static_cast<std::uint64_t>(std::chrono::nanoseconds(clock::now() - begun).count());
      longest_ns_->store(std::max(longest_ns_->load(), ns));
      const std::uint64_t one = 1;
      if (::write(ended_puts_.get(), &one, sizeof one) != sizeof one)
        throw std::system_error(errno, std::system_category(), "eventfd");
      pause.expires_after(500us);
      co_await pause.async_wait(asio::use_awaitable);
    }
  }

  shared_memory<std::atomic<std::uint64_t>> longest_ns_;
  // Counts those that nobody has asked for yet. Before the child, which inherits it.
  const unique_fd ended_puts_{::eventfd(0, EFD_CLOEXEC)};
  child_process child_;
};

struct stored_files {
  std::vector<std::uint32_t> numbers;
  std::vector<data_location> blobs;
};

// Sealed files, as many as there are rounds, of bytes that compress a little.
asio::awaitable<stored_files> fill(flat_file_db db, std::uint64_t bytes) {
  stored_files result;
  std::string blob;
  for (std::uint32_t file = 0; file < rounds; ++file) {
    for (std::uint64_t at = 0; at < bytes / rounds; at += blob_bytes) {
      blob = bytes_of(result.blobs.size(), blob_bytes / 2);
      blob += blob;
      const data_location where = co_await db.put(asio::buffer(blob));
      result.blobs.push_back(where);
    }
    result.numbers.push_back(result.blobs.back().file_number);
    co_await db.roll();
  }
  co_await db.sync();
  co_await db.close();
  co_return result;
}

asio::awaitable<void> put_much(flat_file_db db) {
  const std::string blob = bytes_of(7, blob_bytes);
  for (std::uint64_t at = 0; at < unsynced_bytes; at += blob_bytes)
    co_await db.put(asio::buffer(blob));
}

// What is run beside the puts, each time with a store of its own.
class upkeep {
 public:
  upkeep(const options& how, stored_files files, std::filesystem::path scratch)
      : how_(how), files_(std::move(files)), scratch_(std::move(scratch)) {
    std::ofstream manifest(scratch_ / "manifest.tsv");
    for (std::size_t i = 0; i < files_.blobs.size(); ++i)
      manifest << files_.blobs[i].to_string() << "\tblob_" << i << "\n";
  }

  // All files at the same time.
  void verify() {
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, how_);
    for (const std::uint32_t number : files_.numbers) {
      db.verify(number, [](std::error_code error, const verify_report& /*found*/) {
        if (error) throw std::system_error(error, "verify");
      });
    }
    context.run();
  }
  void list() {
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, how_);
    for (int i = 0; i < 1000; ++i) run(context, db.files());
  }
  void export_all() {
    const std::filesystem::path program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "ffdb";
    const std::filesystem::path copy = scratch_ / "copy";
    child_process child([&] {
      ::execl(program.c_str(), "ffdb", "export", "--store", how_.data_directory.c_str(),
              "--manifest", (scratch_ / "manifest.tsv").c_str(), "--to", copy.c_str(), nullptr);
      return 127;
    });
    if (child.wait() != 0) throw std::runtime_error("ffdb export failed");
    std::filesystem::remove_all(copy);
  }
  void compress() {
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, how_);
    run(context, db.compress_file(files_.numbers.at(compressed_++)));
  }

  // What is not measured of `sync`.
  void write_unsynced() {
    store_.emplace(flat_file_db::open(context_, how_));
    run(context_, put_much(*store_));
  }
  void sync() {
    run(context_, store_->sync());
    store_.reset();
    context_.restart();
    context_.run();
  }

 private:
  options how_;
  stored_files files_;
  std::filesystem::path scratch_;
  std::size_t compressed_ = 0;
  asio::io_context context_{1};
  std::optional<flat_file_db> store_;
};

struct measured {
  std::vector<double> alone;
  std::vector<double> beside;
};

bool report(const char* what, const measured& found) {
  const double idle = *std::max_element(found.alone.begin(), found.alone.end());
  const auto well = std::count_if(found.beside.begin(), found.beside.end(),
                                  [&](double one) { return one <= idle + excess_max_ms; });
  std::printf("  %-9s longest put alone %7.2f ms, beside it", what, idle);
  for (const double one : found.beside) std::printf(" %.2f", one);
  std::printf(" ms: %td of %u within %.0f ms more%s\n", well, rounds, excess_max_ms,
              well >= well_min ? "" : "  FAILED");
  std::fflush(stdout);
  return well >= well_min;
}

bool measure(const options& how, const std::filesystem::path& scratch, std::uint64_t bytes,
             std::chrono::milliseconds idle, const std::string& only) {
  asio::io_context context(1);
  stored_files files = run(context, fill(flat_file_db::open(context, how), bytes));
  upkeep done(how, std::move(files), scratch);
  putter other(how);
  struct operation {
    const char* name;
    std::function<void()> before;
    std::function<void()> work;
  };
  const std::vector<operation> operations{
      {"files", {}, [&] { done.list(); }},
      {"verify", {}, [&] { done.verify(); }},
      {"sync", [&] { done.write_unsynced(); }, [&] { done.sync(); }},
      {"export", {}, [&] { done.export_all(); }},
      {"compress", {}, [&] { done.compress(); }}};
  bool well = true;
  for (const operation& one : operations) {
    if (only != "all" && only != one.name) continue;
    measured found;
    for (std::uint32_t round = 0; round < rounds; ++round) {
      found.alone.push_back(other.longest_beside([] {}, idle));
      if (one.before) one.before();
      found.beside.push_back(other.longest_beside(one.work, 0ms));
    }
    well = report(one.name, found) && well;
  }
  return well;
}

}  // namespace
}  // namespace conduit::test

int main(int count, char** words) {
  using namespace conduit::test;
  const process_arguments arguments(count, words,
                                    {{"backend", "io_uring"},
                                     {"durability", "none"},
                                     {"mebibytes", "4096"},
                                     {"idle-ms", "1000"},
                                     {"operation", "all"}});
  bool well = true;
  for (const auto& [engine, engine_name] : arguments.backends()) {
    for (const auto& [wanted, durability_name] : arguments.durabilities()) {
      const std::filesystem::path scratch =
          arguments.directory() / (engine_name + "-" + durability_name);
      std::filesystem::create_directories(scratch);
      std::printf("%s, durability %s\n", engine_name.c_str(), durability_name.c_str());
      conduit::options how(scratch / "store");
      how.backend = engine;
      how.durability = wanted;
      how.allow_network = true;
      how.max_file_size = 1ULL << 40U;
      well = measure(how, scratch, arguments.number("mebibytes") << 20U,
                     std::chrono::milliseconds(arguments.number("idle-ms")),
                     arguments.text("operation")) &&
             well;
      std::filesystem::remove_all(scratch);
    }
  }
  return well ? 0 : 1;
}
