// Four processes on one store, one put to nine gets each, against the same with a lock, appends and
// preads by hand.
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>

#include "comparison.hpp"
#include "filled_store.hpp"

namespace conduit::bench {
namespace {

constexpr unsigned process_count = 4;
constexpr unsigned gets_a_put = 9;
// A process reads back what it wrote itself: the last so many.
constexpr std::size_t blobs_kept = 4096;

// Latencies in steps of 1/16 of their power of two.
struct histogram {
  static constexpr unsigned steps = 16;
  std::array<std::uint64_t, 64 * steps> counts{};

  static unsigned slot_of(std::uint64_t ns) {
    if (ns < steps) return static_cast<unsigned>(ns);
    const auto power = static_cast<unsigned>(std::bit_width(ns)) - 1;
    return (power - 3) * steps + static_cast<unsigned>((ns >> (power - 4)) & (steps - 1));
  }
  // The upper end of the slot.
  static std::uint64_t ns_of(unsigned slot) {
    if (slot < steps) return slot;
    const unsigned power = slot / steps + 3;
    return (std::uint64_t{steps + slot % steps + 1} << (power - 4)) - 1;
  }
  void add(std::uint64_t ns) { ++counts[slot_of(ns)]; }
};

// What the processes share: a starting signal, and each one's results.
struct shared_results {
  struct one {
    sample speed;
    std::uint64_t max_ns = 0;
    histogram latencies;
    bool failed = true;
  };
  std::atomic<unsigned> ready{0};
  std::array<one, process_count> processes;
};

struct latency_us {
  double p99_9 = 0;
  double max = 0;
};

struct outcome {
  sample speed;
  latency_us latency;
};

// Times each operation; both sides pay for that.
class timed_stint {
 public:
  timed_stint(double seconds, shared_results::one& into)
      : time_(seconds), into_(into), before_(stint::clock::now()) {}

  bool next() {
    const auto now = stint::clock::now();
    const auto ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(now - before_).count());
    before_ = now;
    into_.latencies.add(ns);
    into_.max_ns = std::max(into_.max_ns, ns);
    return time_.next();
  }
  sample result() const { return time_.result(); }

 private:
  stint time_;
  shared_results::one& into_;
  stint::clock::time_point before_;
};

outcome sum_of(const shared_results& results) {
  outcome sum;
  histogram all;
  std::uint64_t count = 0;
  std::uint64_t max_ns = 0;
  for (const shared_results::one& process : results.processes) {
    if (process.failed) throw std::runtime_error("one of the processes failed");
    sum.speed.rate += process.speed.rate;
    sum.speed.cpu_us_op += process.speed.cpu_us_op / process_count;
    max_ns = std::max(max_ns, process.max_ns);
    for (std::size_t i = 0; i < all.counts.size(); ++i) {
      all.counts[i] += process.latencies.counts[i];
      count += process.latencies.counts[i];
    }
  }
  std::uint64_t beyond = count / 1000;
  unsigned slot = static_cast<unsigned>(all.counts.size());
  while (slot != 0 && all.counts[slot - 1] <= beyond) beyond -= all.counts[--slot];
  sum.latency.p99_9 =
      static_cast<double>(std::min(histogram::ns_of(slot == 0 ? 0 : slot - 1), max_ns)) / 1000;
  sum.latency.max = static_cast<double>(max_ns) / 1000;
  return sum;
}

// Runs `work(start, result)` in each of four processes; it calls `start()` once everything is set
// up, which returns when all are.
template <typename Work>
outcome in_processes(Work work) {
  void* const memory = ::mmap(nullptr, sizeof(shared_results), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  require(memory != MAP_FAILED, "mmap");
  auto* const results = new (memory) shared_results;
  for (shared_results::one& result : results->processes) {
    const pid_t child = ::fork();
    require(child >= 0, "fork");
    if (child != 0) continue;
    try {
      work(
          [results] {
            results->ready.fetch_add(1);
            while (results->ready.load() < process_count) ::sched_yield();
          },
          result);
      result.failed = false;
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "%s\n", failure.what());
      results->ready.store(process_count);
    }
    ::_exit(0);
  }
  while (::wait(nullptr) > 0) {
  }
  const std::unique_ptr<shared_results, void (*)(shared_results*)> guard(
      results, [](shared_results* gone) { ::munmap(gone, sizeof *gone); });
  return sum_of(*results);
}

// Blobs that were stored, of which any may be read again.
template <typename Location>
class written {
 public:
  void remember(const Location& location) {
    if (kept_.size() < blobs_kept) {
      kept_.push_back(location);
    } else {
      kept_[next_++ % blobs_kept] = location;
    }
  }
  const Location& any() { return kept_[random_() % kept_.size()]; }

 private:
  std::vector<Location> kept_;
  std::size_t next_ = 0;
  std::minstd_rand random_{1};
};

template <typename Start>
asio::awaitable<void> put_and_get(flat_file_db db, double seconds, Start start,
                                  shared_results::one& result) {
  const std::vector<char> bytes = random_bytes(block_bytes, 1);
  const asio::const_buffer content(bytes.data(), bytes.size());
  const block_memory memory;
  const asio::mutable_buffer to = memory.buffer();
  written<data_location> blobs;
  const data_location first = co_await db.put(content);
  blobs.remember(first);
  start();
  timed_stint time(seconds, result);
  unsigned turn = 0;
  do {
    if (turn++ % (gets_a_put + 1) == 0) {
      const data_location stored = co_await db.put(content);
      blobs.remember(stored);
    } else {
      co_await db.get_into(blobs.any(), slice(), to);
    }
  } while (time.next());
  result.speed = time.result();
}

outcome ours(const settings& wanted, const std::filesystem::path& directory) {
  return in_processes([&](auto start, shared_results::one& result) {
    options how(directory);
    how.backend = wanted.backend;
    how.max_file_size = 1ULL << 40;
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, how);
    run_one(context, put_and_get(db, wanted.seconds, start, result));
  });
}

void set_lock(int fd, short type) {
  struct flock whole{};
  whole.l_type = type;
  whole.l_whence = SEEK_SET;
  require(::fcntl(fd, F_OFD_SETLKW, &whole) == 0, "F_OFD_SETLKW");
}

// Appends under the lock at the file's end; answers with the offset.
off_t append(int lock, int data, const char* bytes) {
  set_lock(lock, F_WRLCK);
  const off_t end = ::lseek(data, 0, SEEK_END);
  require(::pwrite(data, bytes, block_bytes, end) == static_cast<ssize_t>(block_bytes), "pwrite");
  set_lock(lock, F_UNLCK);
  return end;
}

outcome by_hand(const settings& wanted, const std::filesystem::path& path) {
  return in_processes([&](auto start, shared_results::one& result) {
    const file_descriptor lock(path.string() + ".lock", O_RDWR | O_CREAT);
    const file_descriptor data(path, O_RDWR | O_CREAT);
    const std::vector<char> bytes = random_bytes(block_bytes, 1);
    const block_memory memory;
    written<off_t> blobs;
    blobs.remember(append(lock.get(), data.get(), bytes.data()));
    start();
    timed_stint time(wanted.seconds, result);
    unsigned turn = 0;
    do {
      if (turn++ % (gets_a_put + 1) == 0) {
        blobs.remember(append(lock.get(), data.get(), bytes.data()));
      } else {
        require(::pread(data.get(), memory.at(0), block_bytes, blobs.any()) ==
                    static_cast<ssize_t>(block_bytes),
                "pread");
      }
    } while (time.next());
    result.speed = time.result();
  });
}

// The bar of the maximum holds in four of five runs: the second highest counts.
void print_latencies(const settings& wanted, const std::string& whose,
                     const std::vector<latency_us>& runs) {
  std::vector<double> p99_9;
  std::vector<double> max;
  for (const latency_us& one : runs) {
    p99_9.push_back(one.p99_9 / 1000);
    max.push_back(one.max / 1000);
  }
  std::sort(max.begin(), max.end());
  const double second_highest = max[max.size() < 2 ? 0 : max.size() - 2];
  print_figure(wanted, {18, "latency, " + whose + ": p99.9", "ms", median(p99_9), 2, true, {}});
  print_figure(wanted, {18, "latency, " + whose + ": maximum", "ms", second_highest, 25, true, {}});
}

void run(const settings& wanted) {
  if (!wanted.wants(18)) return;
  const scratch_directory scratch(wanted);
  std::vector<latency_us> our_latencies;
  std::vector<latency_us> their_latencies;
  print_header();
  compare(
      wanted, 18, "4 processes, 1 put : 9 gets / lock, append, pread by hand", {0.80},
      [&] {
        const outcome result = ours(wanted, scratch / "store");
        our_latencies.push_back(result.latency);
        return result.speed;
      },
      [&] {
        const outcome result = by_hand(wanted, scratch / "by-hand");
        their_latencies.push_back(result.latency);
        return result.speed;
      },
      [&] {
        std::filesystem::remove_all(scratch / "store");
        for (const char* name : {"store.lock", "by-hand", "by-hand.lock"})
          std::filesystem::remove(scratch / name);
      });
  print_latencies(wanted, "ours", our_latencies);
  print_latencies(wanted, "by hand", their_latencies);
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {18}, conduit::bench::run);
}
