// How hot reads fare while another process of the same memory cgroup works through files that are
// larger than the cgroup: whether that pushes the hot blobs out of the page cache.
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "comparison.hpp"
#include "filled_store.hpp"
#include "mixed_text.hpp"

extern char** environ;

namespace conduit::bench {
namespace {

constexpr unsigned row = 23;
constexpr std::uint64_t cgroup_bytes = 2ULL << 30;
constexpr std::uint64_t hot_bytes = 1ULL << 30;
constexpr std::uint64_t bulk_bytes = 6ULL << 30;
// Below this a run is a moment of a test, and works through less.
constexpr double full_seconds = 0.3;
constexpr std::uint64_t moment_bytes = 32U << 20;
constexpr double quiet_seconds_max = 2;
constexpr std::uint64_t large_blob_bytes = 1U << 20;

// A memory cgroup of its own, which limits the page cache of its members. Throws if this user may
// not make one.
class memory_cgroup {
 public:
  memory_cgroup() : former_(own_group()) {
    const bool first_version = std::filesystem::exists(former_ / "memory.limit_in_bytes");
    path_ = (first_version ? former_ : std::filesystem::path(root)) /
            ("conduit-bench." + std::to_string(::getpid()));
    std::filesystem::create_directory(path_);
    try {
      write(path_ / (first_version ? "memory.limit_in_bytes" : "memory.max"), cgroup_bytes);
      write(path_ / "cgroup.procs", static_cast<std::uint64_t>(::getpid()));
    } catch (...) {
      leave();
      throw;
    }
  }
  memory_cgroup(const memory_cgroup&) = delete;
  memory_cgroup& operator=(const memory_cgroup&) = delete;
  ~memory_cgroup() { leave(); }

 private:
  static constexpr const char* root = "/sys/fs/cgroup";

  static std::filesystem::path own_group() {
    std::ifstream lines("/proc/self/cgroup");
    std::filesystem::path unified;
    for (std::string line; std::getline(lines, line);) {
      // NUMBER:CONTROLLERS:/GROUP
      const std::string group = line.substr(line.rfind(":/") + 2);
      if (line.find(":memory:") != std::string::npos)
        return std::filesystem::path(root) / "memory" / group;
      if (line.rfind("0::", 0) == 0) unified = std::filesystem::path(root) / group;
    }
    return unified;
  }
  static void write(const std::filesystem::path& file, std::uint64_t value) {
    std::ofstream out(file);
    out << value << std::flush;
    require(out.good(), file.c_str());
  }
  void leave() const {
    std::error_code ignored;
    std::ofstream(former_ / "cgroup.procs") << ::getpid();
    std::filesystem::remove(path_, ignored);
  }

  std::filesystem::path former_;
  std::filesystem::path path_;
};

class large_store {
 public:
  large_store(std::filesystem::path directory, std::uint64_t bytes)
      : directory_(std::move(directory)) {
    asio::io_context context;
    const flat_file_db db = flat_file_db::open(context, options(directory_));
    run_one(context, fill(db, bytes));
  }

  const std::filesystem::path& directory() const { return directory_; }
  const std::vector<data_location>& locations() const { return locations_; }

  // Reads all of it, so that it lies in the page cache of this process' cgroup.
  void warm() const {
    std::vector<char> memory(large_blob_bytes);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
      if (!entry.is_regular_file()) continue;
      const file_descriptor file(entry.path(), O_RDONLY);
      for (off_t at = 0; ::pread(file.get(), memory.data(), memory.size(), at) > 0;)
        at += static_cast<off_t>(memory.size());
    }
  }

  void drop_from_cache() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
      if (!entry.is_regular_file()) continue;
      const file_descriptor file(entry.path(), O_RDONLY);
      ::fdatasync(file.get());
      ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    }
  }

 private:
  asio::awaitable<void> fill(flat_file_db db, std::uint64_t bytes) {
    const std::vector<char> content = mixed_bytes(8 * large_blob_bytes, 1);
    for (std::uint64_t at = 0; at < bytes; at += large_blob_bytes) {
      const char* const blob = content.data() + at % content.size();
      locations_.push_back(co_await db.put(asio::buffer(blob, large_blob_bytes)));
    }
    co_await db.sync();
    co_await db.roll();
    co_await db.close();
  }

  std::filesystem::path directory_;
  std::vector<data_location> locations_;
};

class other_process {
 public:
  explicit other_process(const std::vector<std::string>& words) {
    std::vector<std::string> copies = words;
    std::vector<char*> pointers;
    for (std::string& word : copies) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t quiet;
    ::posix_spawn_file_actions_init(&quiet);
    ::posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    const int failed =
        ::posix_spawn(&child_, pointers[0], &quiet, nullptr, pointers.data(), environ);
    ::posix_spawn_file_actions_destroy(&quiet);
    require(failed == 0, pointers[0]);
  }

  bool is_running() {
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) == 0) return true;
    if (status != 0) throw std::runtime_error("the other process failed");
    return false;
  }

 private:
  pid_t child_ = 0;
};

struct latencies {
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
  double rate = 0;
};

// Gets random 4 KiB of the hot blobs, one at a time, as long as `go_on` says, which is asked every
// millisecond or so.
template <typename GoOn>
asio::awaitable<latencies> get_hot(flat_file_db db, const std::vector<data_location>& locations,
                                   GoOn go_on) {
  std::mt19937_64 random(1);
  std::vector<std::uint32_t> count_at(1U << 20);  // of each 10 ns; the last one is for all above
  const block_memory memory;
  std::uint64_t count = 0;
  const auto begin = stint::clock::now();
  double longest = 0;
  do {
    for (unsigned i = 0; i < 1000; ++i) {
      const std::uint64_t drawn = random();
      const std::uint64_t start = (drawn >> 32) % (large_blob_bytes / block_bytes) * block_bytes;
      const slice part{start, start + block_bytes};
      const auto before = stint::clock::now();
      co_await db.get_into(locations[drawn % locations.size()], part, memory.buffer());
      const auto ns = (stint::clock::now() - before).count();
      longest = std::max(longest, static_cast<double>(ns));
      ++count_at[std::min<std::size_t>(static_cast<std::size_t>(ns / 10), count_at.size() - 1)];
      ++count;
    }
  } while (go_on());
  const auto quantile = [&](std::uint64_t a_thousand) {
    std::uint64_t below = 0;
    std::size_t at = 0;
    while (below * 1000 < count * a_thousand) below += count_at[at++];
    return static_cast<double>(at) / 100;
  };
  latencies found;
  found.p99_us = quantile(990);
  found.p999_us = quantile(999);
  found.max_us = longest / 1000;
  found.rate = static_cast<double>(count) /
               std::chrono::duration<double>(stint::clock::now() - begin).count();
  co_return found;
}

class hot_reads {
 public:
  explicit hot_reads(const large_store& store)
      : store_(store), db_(flat_file_db::open(context_, options(store.directory()))) {}

  void warm(double seconds) {
    store_.warm();
    alone(seconds);
  }
  latencies alone(double seconds) {
    const auto end = stint::clock::now() + std::chrono::duration_cast<stint::clock::duration>(
                                               std::chrono::duration<double>(seconds));
    return run_one(context_,
                   get_hot(db_, store_.locations(), [end] { return stint::clock::now() < end; }));
  }
  latencies beside(other_process other) {
    return run_one(context_,
                   get_hot(db_, store_.locations(), [&other] { return other.is_running(); }));
  }

 private:
  const large_store& store_;
  asio::io_context context_;
  flat_file_db db_;
};

void write_manifest(const std::string& path, const large_store& store) {
  std::ofstream lines(path);
  unsigned number = 0;
  for (const data_location& location : store.locations())
    lines << location.to_string() << "\tblobs/" << number++ << '\n';
  require(lines.good(), path.c_str());
}

void measure(const settings& wanted, hot_reads& reads, const char* work,
             const std::vector<std::string>& words) {
  const double seconds = std::min(quiet_seconds_max, wanted.seconds * 10);
  reads.warm(seconds);
  const latencies without = reads.alone(seconds);
  const latencies with = reads.beside(other_process(words));
  print_figure(wanted, {row,
                        std::string("hot gets beside ffdb ") + work + ": p99 with / without it",
                        "ratio",
                        with.p99_us / without.p99_us,
                        1.2,
                        true,
                        {{"p99_us", with.p99_us},
                         {"p99_us_without", without.p99_us},
                         {"p999_us", with.p999_us},
                         {"p999_us_without", without.p999_us},
                         {"max_us", with.max_us},
                         {"max_us_without", without.max_us},
                         {"rate", with.rate},
                         {"rate_without", without.rate}}});
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  const bool full = wanted.seconds >= full_seconds;
  const large_store hot(scratch / "hot", full ? hot_bytes : moment_bytes);
  const large_store bulk(scratch / "bulk", full ? bulk_bytes : moment_bytes);
  hot.drop_from_cache();
  bulk.drop_from_cache();
  const std::string store = bulk.directory();
  const std::string manifest = scratch / "manifest";
  const std::string tree = scratch / "tree";
  const std::string imported = scratch / "imported";
  write_manifest(manifest, bulk);

  std::optional<memory_cgroup> group;
  try {
    group.emplace();
  } catch (const std::exception& refused) {
    std::fprintf(stderr, "row %u is left out: no memory cgroup: %s\n", row, refused.what());
    return;
  }
  hot_reads reads(hot);
  const std::string ffdb = CONDUIT_FFDB;
  print_header();
  measure(wanted, reads, "verify", {ffdb, "verify", "--store", store});
  measure(wanted, reads, "export",
          {ffdb, "export", "--store", store, "--manifest", manifest, "--to", tree});
  measure(wanted, reads, "import",
          {ffdb, "import", "--store", imported, "--manifest", "/dev/null", tree});
  measure(wanted, reads, "compress", {ffdb, "compress", "--store", store});
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {conduit::bench::row}, conduit::bench::run);
}
