#include <algorithm>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <climits>
#include <conduit/blob.hpp>
#include <conduit/data_location.hpp>
#include <memory>
#include <random>
#include <vector>

#include "cli/bench_run.hpp"

namespace conduit::cli {
namespace {

// How many data files the run keeps: fast disks would fill up within seconds otherwise.
constexpr std::uint32_t files_kept = 8;
// Blobs are read back while they lie in one of the newest so many files, so that no read races with
// the removal of its file.
constexpr std::uint32_t files_read = 4;
// A loop remembers so many of its blobs.
constexpr std::size_t locations_kept = 4096;
// Blobs begin anywhere in this much more random memory than one blob needs: two blobs have hardly
// anything in common.
constexpr std::size_t variety_bytes = 1U << 20;

// What the workers of one loop share.
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
