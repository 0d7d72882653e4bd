// The writer's counters, reported by `stats`.
#pragma once

#include <conduit/detail/operations.hpp>
#include <conduit/reports.hpp>
#include <cstdint>

#include "base/counter.hpp"
#include "base/intrusive_list.hpp"

namespace conduit::detail {

// The writer's coroutine counts, any thread reads.
struct put_counters {
  counter puts;
  counter put_bytes;
  counter batches;
  counter inline_appends;
  counter ring_appends;
  counter syncs;
  counter lock_waits;
  counter lock_wait_us;
  counter rolls;

  // Counts puts that were written together.
  void count_batch(work_queue& written, std::uint64_t bytes) noexcept {
    if (written.empty()) return;
    std::uint64_t count = 0;
    for (completion* entry = &written.front(); entry != nullptr; entry = written.after(*entry)) {
      count += static_cast<queued_op*>(entry)->locations.size();
    }
    puts.add(count);
    put_bytes.add(bytes);
    batches.add(1);
  }

  void add_to(store_stats& sum) const noexcept {
    sum.puts += puts.value();
    sum.put_bytes += put_bytes.value();
    sum.batches += batches.value();
    sum.inline_appends += inline_appends.value();
    sum.ring_appends += ring_appends.value();
    sum.syncs += syncs.value();
    sum.lock_waits += lock_waits.value();
    sum.lock_wait_us += lock_wait_us.value();
    sum.rolls += rolls.value();
  }
};

}  // namespace conduit::detail
