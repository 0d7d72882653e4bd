// Decides when a store that never pauses leaves the lock free, so that others get it.
#pragma once

#include <chrono>

#include "lock/change_watch.hpp"

namespace conduit::detail {

// A process that takes the lock again at once would starve the others: a waiter in the kernel needs
// some 35 us to wake, and whoever polls, as an original does, pauses for 5 to 100 ms.
class fairness {
 public:
  using clock = std::chrono::steady_clock;

  // How long the lock is left free. A poll hits one of many such rests.
  static constexpr std::chrono::milliseconds rest_for_poller{3};
  static constexpr std::chrono::microseconds rest_for_waiter{200};

  // Others had the lock, or could have had it.
  void had_a_rest() noexcept { rested_at_ = gave_way_at_ = clock::now(); }
  // Only a waiter could have had it.
  void gave_way_to_waiter() noexcept { gave_way_at_ = released_at_ = clock::now(); }
  void released(clock::time_point when) noexcept { released_at_ = when; }

  // Call these before the lock is taken.

  // The store was busy for so long that a waiter should get the lock, if there is one.
  bool has_been_busy(clock::time_point now) noexcept;
  // `visits` tells when somebody came who polls.
  bool poller_is_due(const lock::change_watch& visits, clock::time_point now) noexcept;

  // Call it once the lock is taken: whether everything is as this store left it. For a plain file
  // that includes its length: another store of ours that puts without pause appends to it.
  void found_unchanged(bool unchanged) noexcept;

  // The lock may be kept between two batches: nobody came lately who polls, and who would find the
  // lock free in the rests only, not in the gaps between batches.
  static bool may_lease(const lock::change_watch& visits, clock::time_point now) noexcept;

 private:
  void notice_gap(clock::time_point now) noexcept;

  clock::time_point rested_at_;    // since then there was no gap that others could have noticed
  clock::time_point gave_way_at_;  // the same, for a waiter in the kernel
  clock::time_point released_at_;
  clock::time_point watched_since_;  // of the visits
  bool long_gap_ = false;            // before this turn
  bool nobody_unseen_ = false;       // no process polls that came before the visits were watched
};

}  // namespace conduit::detail
