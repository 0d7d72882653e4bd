// Decides when a store that never pauses leaves the lock free, so that others get it.
#pragma once

#include <chrono>

#include "lock/change_watch.hpp"

namespace conduit::detail {

// A process that takes the lock again at once would starve the others: a waiter in the kernel needs
// some 35 us to wake, and an original polls with pauses of 10 to 100 ms.
class fairness {
 public:
  using clock = std::chrono::steady_clock;

  // How long the lock is left free. A poll of an original hits one of many such rests.
  static constexpr std::chrono::milliseconds rest{3};
  // The same for the store's own compressing thread, which waits in the kernel.
  static constexpr std::chrono::microseconds rest_for_sealer{500};

  // Others had the lock, or could have had it.
  void had_a_rest() noexcept { busy_since_ = clock::now(); }
  void released(clock::time_point when) noexcept { released_at_ = when; }
  // Call it before the lock is taken. `visits` tells when others came for it.
  bool rest_is_due(const lock::change_watch& visits) noexcept;
  // The lock may be kept between two batches: no visitor is known who may be polling. Such a
  // visitor would find the lock free in the rests only, not in the gaps between batches.
  static bool may_lease(const lock::change_watch& visits, clock::time_point now) noexcept;

 private:
  clock::time_point busy_since_;  // since then there was no gap that others could have noticed
  clock::time_point released_at_;
};

}  // namespace conduit::detail
