// The writer's counters, reported by `stats`.
#pragma once

#include <atomic>
#include <conduit/detail/operations.hpp>
#include <conduit/reports.hpp>
#include <cstdint>

#include "base/intrusive_list.hpp"

namespace conduit::detail {

// The writer's coroutine counts, any thread reads.
struct put_counters {
  std::atomic<std::uint64_t> puts{0};
  std::atomic<std::uint64_t> put_bytes{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> inline_appends{0};
  std::atomic<std::uint64_t> ring_appends{0};
  std::atomic<std::uint64_t> syncs{0};
  std::atomic<std::uint64_t> lock_waits{0};
  std::atomic<std::uint64_t> lock_wait_us{0};
  std::atomic<std::uint64_t> rolls{0};

  // Counts puts that were written together.
  void count_batch(work_queue& written, std::uint64_t bytes) noexcept {
    if (written.empty()) return;
    std::uint64_t count = 0;
    for (completion* entry = &written.front(); entry != nullptr; entry = written.after(*entry)) {
      count += static_cast<queued_op*>(entry)->locations.size();
    }
    puts.fetch_add(count, std::memory_order_relaxed);
    put_bytes.fetch_add(bytes, std::memory_order_relaxed);
    batches.fetch_add(1, std::memory_order_relaxed);
  }

  void add_to(store_stats& sum) const noexcept {
    sum.puts += puts.load(std::memory_order_relaxed);
    sum.put_bytes += put_bytes.load(std::memory_order_relaxed);
    sum.batches += batches.load(std::memory_order_relaxed);
    sum.inline_appends += inline_appends.load(std::memory_order_relaxed);
    sum.ring_appends += ring_appends.load(std::memory_order_relaxed);
    sum.syncs += syncs.load(std::memory_order_relaxed);
    sum.lock_waits += lock_waits.load(std::memory_order_relaxed);
    sum.lock_wait_us += lock_wait_us.load(std::memory_order_relaxed);
    sum.rolls += rolls.load(std::memory_order_relaxed);
  }
};

}  // namespace conduit::detail
