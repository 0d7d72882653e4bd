// What an operation costs as something grows: the blobs and the files of a store, the processes and
// the threads that use it, the operations that are pending, and the size of a blob. Prints a line
// of comma-separated values for each point; growth.sh plots them.
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <fstream>
#include <functional>
#include <thread>

#include "filled_store.hpp"
#include "workload.hpp"

namespace conduit::bench {
namespace {

constexpr std::size_t small_blob_bytes = 1024;
constexpr unsigned putters = 64;
constexpr unsigned coroutines_a_thread = 32;
constexpr unsigned gets_a_put = 9;
constexpr unsigned shared_buffers = 128;
// Below this a run is a moment of a test, and nothing grows far.
constexpr double full_seconds = 0.3;

// The highest resident set of this process so far.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib / 1024;
  }
  throw std::runtime_error("/proc/self/status does not tell VmHWM");
}

// What several processes report.
template <typename Value>
class shared_values {
 public:
  explicit shared_values(std::size_t count)
      : bytes_(count * sizeof(Value)),
        values_(static_cast<Value*>(
            ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    require(values_ != MAP_FAILED, "mmap");
    std::uninitialized_value_construct_n(values_, count);
  }
  shared_values(const shared_values&) = delete;
  shared_values& operator=(const shared_values&) = delete;
  ~shared_values() { ::munmap(values_, bytes_); }

  Value& operator[](std::size_t index) { return values_[index]; }

 private:
  std::size_t bytes_;
  Value* values_;
};

// Calls `work(index)` in each of so many forked processes, and waits for them.
template <typename Work>
void in_processes(unsigned count, Work work) {
  std::vector<pid_t> children;
  for (unsigned i = 0; i < count; ++i) {
    const pid_t child = ::fork();
    require(child >= 0, "fork");
    if (child == 0) {
      int status = 1;
      try {
        work(i);
        status = 0;
      } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
      }
      ::_exit(status);
    }
    children.push_back(child);
  }
  bool well = true;
  for (const pid_t child : children) {
    int status = 0;
    require(::waitpid(child, &status, 0) == child, "waitpid");
    well = well && status == 0;
  }
  if (!well) throw std::runtime_error("a process of the benchmark failed");
}

struct point {
  double rate = 0;  // operations a second
  double mib = 0;   // the resident set of the process
};

class growth {
 public:
  explicit growth(const settings& wanted) : wanted_(wanted) {
    std::printf("axis,value,operation,ns,resident_mib\n");
  }

  void blobs() {
    for (const unsigned count : grown({1'000, 10'000, 100'000, 1'000'000})) {
      const scratch_directory scratch(wanted_);
      const options how = options_in(scratch);
      print("blobs", count, "put", measured([&] { return puts(how, count); }));
      print("blobs", count, "get", measured([&] { return random_gets(how, count); }));
    }
  }

  void files() {
    for (const unsigned count : grown({10, 100, 1'000, 10'000})) {
      const scratch_directory scratch(wanted_);
      const options how = options_in(scratch);
      make_files(how.data_directory, count);
      print("files", count, "get", measured([&] { return gets_of_files(how, count); }));
    }
  }

  void depth() {
    const scratch_directory scratch(wanted_);
    const filled_store store(wanted_, scratch);
    for (const unsigned count : grown({1, 10, 100, 1'000, 10'000, 100'000}))
      print("depth", count, "get", measured([&] { return hot_gets(store, count); }));
  }

  void threads() {
    const scratch_directory scratch(wanted_);
    const filled_store store(wanted_, scratch);
    for (unsigned count = 1; count <= 8; ++count)
      print("threads", count, "get", measured([&] { return gets_of_threads(store, count); }));
  }

  void processes() {
    for (unsigned count = 1; count <= 8; ++count) {
      const scratch_directory scratch(wanted_);
      print("processes", count, "put_and_9_gets", mixed(options_in(scratch), count));
    }
  }

  void sizes() {
    for (const unsigned bytes :
         grown({100, 1'000, 10'000, 100'000, 1U << 20, 10U << 20, 64U << 20})) {
      const scratch_directory scratch(wanted_);
      const options how = options_in(scratch);
      print("bytes", bytes, "put", measured([&] { return puts_of_size(how, bytes); }));
      print("bytes", bytes, "get", measured([&] { return gets_of_size(how, bytes); }));
    }
  }

 private:
  static void print(const char* axis, unsigned value, const char* operation, point found) {
    std::printf("%s,%u,%s,%.1f,%.1f\n", axis, value, operation, 1e9 / found.rate, found.mib);
    std::fflush(stdout);
  }

  std::vector<unsigned> grown(std::vector<unsigned> values) const {
    if (wanted_.seconds < full_seconds) values.resize(2);
    return values;
  }

  options options_in(const scratch_directory& scratch) const {
    options how(scratch / "store");
    how.backend = wanted_.backend;
    return how;
  }

  // Each point has a process of its own, so that its memory counts alone.
  template <typename Work>
  static point measured(Work work) {
    shared_values<point> found(1);
    in_processes(1, [&](unsigned) { found[0] = {work(), peak_mib()}; });
    return found[0];
  }

  static asio::awaitable<void> put_small(flat_file_db db, const std::vector<char>& bytes,
                                         unsigned& left) {
    while (left != 0) {
      --left;
      co_await db.put(asio::buffer(bytes));
    }
  }
  static double puts(const options& how, unsigned count) {
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, how);
    const std::vector<char> bytes = random_bytes(small_blob_bytes, 1);
    unsigned left = count;
    const auto begin = stint::clock::now();
    run_coroutines(context, putters, [&](unsigned) { return put_small(db, bytes, left); });
    return count / std::chrono::duration<double>(stint::clock::now() - begin).count();
  }

  // Of the blobs of `puts`, whose places follow from their size.
  static asio::awaitable<void> get_small(flat_file_db db, std::uint64_t blobs_a_file,
                                         unsigned count, stint& time) {
    std::mt19937_64 random(1);
    std::array<char, small_blob_bytes> to{};
    do {
      const std::uint64_t drawn = random() % count;
      data_location where;
      where.file_number = static_cast<std::uint32_t>(drawn / blobs_a_file);
      where.start = drawn % blobs_a_file * small_blob_bytes;
      where.end = where.start + small_blob_bytes;
      co_await db.get_into(where, asio::buffer(to));
    } while (time.next());
  }
  double random_gets(const options& how, unsigned count) const {
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, how);
    stint time(wanted_.seconds);
    run_one(context, get_small(db, how.max_file_size / small_blob_bytes, count, time));
    return time.result().rate;
  }

  // They are written as files and not as puts: a store syncs its directory for each.
  static void make_files(const std::filesystem::path& directory, unsigned count) {
    std::filesystem::create_directory(directory);
    const std::vector<char> bytes = random_bytes(small_blob_bytes, 1);
    for (unsigned number = 0; number < count; ++number) {
      std::array<char, 32> name{};
      std::snprintf(name.data(), name.size(), "data_%08u.dat", number);
      std::ofstream file(directory / name.data(), std::ios::binary);
      file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      require(file.good(), name.data());
    }
  }
  double gets_of_files(const options& how, unsigned count) const {
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, how);
    stint time(wanted_.seconds);
    run_one(context, get_small(db, 1, count, time));
    return time.result().rate;
  }

  // All share a few buffers: what the reader does with cold memory of its own is not the store's.
  static asio::awaitable<void> get_into_shared(flat_file_db db, data_location whole,
                                               access_pattern& pattern, asio::mutable_buffer to,
                                               stint& time) {
    do {
      const std::uint64_t offset = pattern.next();
      const slice part{offset, offset + block_bytes};
      co_await db.get_into(whole, part, to);
    } while (time.next());
  }
  double hot_gets(const filled_store& store, unsigned count) const {
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, store.how());
    store.warm();
    access_pattern pattern(filled_store::file_bytes, 1);
    const block_memory memory(shared_buffers);
    stint time(wanted_.seconds, std::max(4U * count, 1U << 18));
    run_coroutines(context, count, [&](unsigned index) {
      const asio::mutable_buffer to(memory.at(index % shared_buffers), block_bytes);
      return get_into_shared(db, store.whole(), pattern, to, time);
    });
    return time.result().rate;
  }

  double gets_of_threads(const filled_store& store, unsigned count) const {
    store.warm();
    std::vector<double> rates(count);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        asio::io_context context(1);
        const flat_file_db db = flat_file_db::open(context, store.how());
        access_pattern pattern(filled_store::file_bytes, i);
        stint time(wanted_.seconds);
        run_coroutines(context, coroutines_a_thread,
                       [&](unsigned) { return read_slices(db, store.whole(), pattern, time); });
        rates[i] = time.result().rate;
      });
    }
    double sum = 0;
    for (unsigned i = 0; i < count; ++i) {
      threads[i].join();
      sum += rates[i];
    }
    return sum;
  }

  static asio::awaitable<void> put_and_get(flat_file_db db, stint& time) {
    const std::vector<char> bytes = random_bytes(block_bytes, 1);
    const block_memory memory;
    for (;;) {
      const data_location where = co_await db.put(asio::buffer(bytes));
      if (!time.next()) co_return;
      for (unsigned i = 0; i < gets_a_put; ++i) {
        co_await db.get_into(where, memory.buffer());
        if (!time.next()) co_return;
      }
    }
  }
  point mixed(const options& how, unsigned count) const {
    shared_values<point> found(count);
    shared_values<std::atomic<unsigned>> ready(1);
    in_processes(count, [&](unsigned index) {
      asio::io_context context(1);
      const flat_file_db db = flat_file_db::open(context, how);
      ready[0].fetch_add(1);
      while (ready[0].load() != count) std::this_thread::yield();
      stint time(wanted_.seconds);
      run_one(context, put_and_get(db, time));
      found[index] = {time.result().rate, peak_mib()};
    });
    point sum;
    for (unsigned i = 0; i < count; ++i) {
      sum.rate += found[i].rate;
      sum.mib = std::max(sum.mib, found[i].mib);
    }
    return sum;
  }

  static asio::awaitable<void> put_large(flat_file_db db, const std::vector<char>& bytes,
                                         stint& time) {
    do {
      co_await db.put(asio::buffer(bytes));
    } while (time.next());
  }
  // At most 512 MiB: the kernel begins to write later.
  double puts_of_size(const options& how, unsigned bytes) const {
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, how);
    const std::vector<char> content = random_bytes(bytes, 1);
    stint time(wanted_.seconds, std::max((512U << 20) / bytes, 1U), 1);
    run_one(context, put_large(db, content, time));
    return time.result().rate;
  }
  static asio::awaitable<void> get_first(flat_file_db db, data_location where, stint& time) {
    std::vector<char> to(where.size());
    do {
      co_await db.get_into(where, asio::buffer(to));
    } while (time.next());
  }
  double gets_of_size(const options& how, unsigned bytes) const {
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, how);
    data_location first;
    first.end = bytes;
    stint time(wanted_.seconds, ~0ULL, 1);
    run_one(context, get_first(db, first, time));
    return time.result().rate;
  }

  const settings& wanted_;
};

void run(const settings& wanted) {
  growth curves(wanted);
  curves.blobs();
  curves.files();
  curves.depth();
  curves.threads();
  curves.processes();
  curves.sizes();
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {0}, conduit::bench::run);
}
