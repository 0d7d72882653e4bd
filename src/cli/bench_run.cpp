#include "cli/bench_run.hpp"

#include <algorithm>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <climits>
#include <conduit/blob.hpp>
#include <conduit/data_location.hpp>
#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <new>
#include <random>
#include <sys/resource.h>
#include <vector>

#include "cli/exit_status.hpp"

namespace conduit::cli {
namespace {

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace

bench_result measure(event_loops& loops, const bench_plan& plan, const bench_worker& worker) {
  using clock = bench_lane::clock;
  std::vector<histogram> latencies(loops.size());
  progress shown("ms", static_cast<std::uint64_t>(plan.seconds * 1000));
  const double cpu_before = cpu_seconds();
  const clock::time_point start = clock::now();
  const clock::time_point deadline = start + std::chrono::duration_cast<clock::duration>(
                                                 std::chrono::duration<double>(plan.seconds));
  loops.run(plan.concurrency, [&](unsigned index) {
    return worker(index, bench_lane(loops, latencies[index % loops.size()], start, deadline,
                                    index == 0 ? &shown : nullptr));
  });
  bench_result result;
  result.seconds = std::chrono::duration<double>(clock::now() - start).count();
  result.cpu_seconds = cpu_seconds() - cpu_before;
  for (const histogram& latency : latencies) result.latency.merge(latency);
  return result;
}

namespace {

// All aligned blocks of the sealed files, numbered.
class block_table {
 public:
  block_table(const std::vector<file_info>& files, std::uint64_t block_bytes)
      : block_bytes_(block_bytes) {
    for (const file_info& file : files) {
      const std::uint64_t blocks = file.sealed ? file.plain_bytes / block_bytes : 0;
      if (blocks == 0) continue;
      runs_.push_back({file.number, count_});
      count_ += blocks;
    }
  }

  std::uint64_t count() const noexcept { return count_; }

  data_location at(std::uint64_t block) const {
    const auto behind =
        std::upper_bound(runs_.begin(), runs_.end(), block,
                         [](std::uint64_t wanted, const run& one) { return wanted < one.first; });
    const run& of = *std::prev(behind);
    data_location location;
    location.file_number = of.number;
    location.start = (block - of.first) * block_bytes_;
    location.end = location.start + block_bytes_;
    return location;
  }

 private:
  struct run {
    std::uint32_t number;
    std::uint64_t first;  // of its blocks
  };

  std::uint64_t block_bytes_;
  std::vector<run> runs_;
  std::uint64_t count_ = 0;
};

// Memory aligned for O_DIRECT: otherwise the store would copy.
class aligned_memory {
 public:
  explicit aligned_memory(std::size_t size)
      : size_(size), bytes_(static_cast<std::byte*>(::operator new(size, alignment))) {}

  asio::mutable_buffer buffer() const noexcept { return {bytes_.get(), size_}; }

 private:
  static constexpr std::align_val_t alignment{4096};
  struct deleter {
    void operator()(std::byte* bytes) const noexcept { ::operator delete(bytes, alignment); }
  };

  std::size_t size_;
  std::unique_ptr<std::byte, deleter> bytes_;
};

asio::awaitable<void> read_blocks(flat_file_db db, const block_table& blocks,
                                  std::size_t block_bytes, unsigned seed, bench_lane lane) {
  const aligned_memory memory(block_bytes);
  std::minstd_rand random(seed + 1);  // small: there may be very many coroutines
  std::uniform_int_distribution<std::uint64_t> any(0, blocks.count() - 1);
  lane.begin();
  do {
    co_await db.get_into(blocks.at(any(random)), slice(), memory.buffer());
  } while (lane.lap());
}

}  // namespace

bench_result bench_reads(event_loops& loops, const flat_file_db& db, const bench_plan& plan) {
  const block_table blocks(run_one(loops.home(), db.files()), plan.block_bytes);
  if (blocks.count() == 0) {
    throw failure(
        exit_status::failed,
        fmt::format("nothing to read: no sealed data file holds {} bytes", plan.block_bytes));
  }
  const std::vector<flat_file_db> handles = loops.handles(db);
  return measure(loops, plan, [&](unsigned index, bench_lane lane) {
    return read_blocks(handles[index % handles.size()], blocks, plan.block_bytes, index, lane);
  });
}

namespace {

// The count of data files that the run keeps: fast disks would otherwise fill up within seconds.
constexpr std::uint32_t files_kept = 8;
// Blobs are read back only from this many newest files, so that no read races with the removal of
// its file.
constexpr std::uint32_t files_read = 4;
// Each loop remembers this many of its blobs.
constexpr std::size_t locations_kept = 4096;
// Random memory beyond the size of one blob. Blobs begin anywhere in it: two blobs have hardly
// anything in common.
constexpr std::size_t variety_bytes = 1U << 20;

// The state that the workers of one loop share.
struct loop_state {
  std::vector<std::byte> content;
  std::vector<data_location> recent;
  std::size_t next_recent = 0;

  void remember(const data_location& location) {
    if (recent.size() < locations_kept) {
      recent.push_back(location);
    } else {
      recent[next_recent++ % locations_kept] = location;
    }
  }
};

std::vector<std::byte> random_bytes(std::size_t size, unsigned seed) {
  std::independent_bits_engine<std::mt19937_64, CHAR_BIT, unsigned> random(seed);
  std::vector<std::byte> bytes(size);
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::byte>(random()); });
  return bytes;
}

asio::awaitable<void> write_blobs(flat_file_db db, loop_state& mine,
                                  std::atomic<std::uint32_t>& newest, std::size_t block_bytes,
                                  double read_share, unsigned seed, bench_lane lane) {
  blob memory(block_bytes);
  std::mt19937_64 random(seed);
  std::bernoulli_distribution reads(read_share);
  std::uniform_int_distribution<std::size_t> offset(0, variety_bytes);
  bool more = true;
  lane.begin();
  while (more) {
    if (!mine.recent.empty() && reads(random)) {
      std::uniform_int_distribution<std::size_t> any(0, mine.recent.size() - 1);
      const data_location location = mine.recent[any(random)];
      if (location.file_number + files_read > newest.load(std::memory_order_relaxed)) {
        const asio::mutable_buffer to(memory.data(), memory.size());
        co_await db.get_into(location, slice(), to);
        more = lane.lap();
        continue;
      }
    }
    const asio::const_buffer bytes(mine.content.data() + offset(random), block_bytes);
    const data_location stored = co_await db.put(bytes);
    more = lane.lap();
    mine.remember(stored);
    std::uint32_t before = newest.load(std::memory_order_relaxed);
    if (stored.file_number > before && newest.compare_exchange_strong(before, stored.file_number) &&
        stored.file_number > files_kept) {
      co_await db.delete_before(stored.file_number - files_kept);
      lane.begin();
    }
  }
}

}  // namespace

bench_result bench_writes(event_loops& loops, const flat_file_db& db, const bench_plan& plan,
                          double read_share) {
  const std::vector<flat_file_db> handles = loops.handles(db);
  std::vector<loop_state> states(loops.size());
  for (unsigned i = 0; i < loops.size(); ++i)
    states[i].content = random_bytes(plan.block_bytes + variety_bytes, i);
  std::atomic<std::uint32_t> newest{0};
  return measure(loops, plan, [&](unsigned index, bench_lane lane) {
    const std::size_t loop = index % handles.size();
    return write_blobs(handles[loop], states[loop], newest, plan.block_bytes, read_share, index,
                       lane);
  });
}

}  // namespace conduit::cli
