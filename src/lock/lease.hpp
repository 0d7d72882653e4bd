// A lease is a tenure of several batches: between two of them the exclusive lock is parked here,
// where the next batch takes it without a system call. docs/durability.md states the rules.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/fork_guard.hpp"
#include "base/thread_crew.hpp"
#include "lock/held_lock.hpp"

namespace conduit::lock {

// The handlers of a batch run while the lock is parked, and may do anything: even wait for another
// process, which waits for the lock. So a watchman, a thread of the lease, releases a lock that is
// parked for too long.
//
// For the writer's coroutine. It must outlive neither the store's lock nor the store's disk.
class lease {
 public:
  using clock = std::chrono::steady_clock;

  lease() = default;
  lease(const lease&) = delete;
  lease& operator=(const lease&) = delete;
  // The lock must not be parked. In a forked child, which lacks the watchman, it touches nothing.
  ~lease();

  // From here on the lock may be parked, until `end`. False as long as the watchman is not there.
  // The first call starts its thread; if there is no thread to be had, a call one second later
  // tries again.
  bool begin(clock::time_point now) noexcept;
  void end() noexcept;

  // The next holder may find the file as it is, and the record after `held_lock::end`.
  void park(held_lock held, clock::time_point now) noexcept;
  // Takes the lock back, by one atomic step. Empty if it is not parked, or if the watchman has
  // released it.
  std::optional<held_lock> resume() noexcept;
  // The time when the watchman last released the lock.
  clock::time_point released_at() noexcept;

 private:
  void call_watchman(clock::time_point now) noexcept;
  void watch() noexcept;
  clock::time_point next_look(std::uint64_t seen, clock::time_point now) const noexcept;
  bool release(std::uint64_t seen, clock::time_point now) noexcept;

  // `not_parked`, `being_released`, or the time of the steady clock since when the lock is parked.
  // Only the owner of the lock writes it: the writer, or, while `being_released`, the watchman.
  std::atomic<std::uint64_t> parked_{not_parked};
  static constexpr std::uint64_t not_parked = 0;
  static constexpr std::uint64_t being_released = 1;
  static constexpr std::chrono::seconds retry_interval{1};
  std::optional<held_lock> lock_;  // has a value while parked; for the owner of the lock alone

  std::mutex mutex_;  // guards all below except the crew; the watchman releases the lock under it
  kept_in_child<std::condition_variable> wakes_;
  bool called_ = false;    // the watchman's thread was started
  bool watching_ = false;  // it runs
  bool asleep_ = false;    // it waits for a lease
  bool on_ = false;        // between `begin` and `end`
  bool stopping_ = false;
  clock::time_point released_at_;
  clock::time_point refused_at_{-retry_interval};  // no thread was to be had
  const std::uint64_t made_in_ = fork_generation();
  thread_crew crew_{1};
};

}  // namespace conduit::lock
