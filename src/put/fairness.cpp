#include "put/fairness.hpp"

#include <algorithm>

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;

// A store may keep waiters, and those who poll, waiting for this long.
constexpr auto busy_max_beside_waiter = 1ms;
constexpr auto busy_max = 10ms;
// The lock must be free for this long for a waiter to get it.
constexpr auto gap_min = 200us;
// A visitor may still be polling for this long.
constexpr auto visit_memory = 5s;
// The watch misses processes that began to poll before this store opened the lock file. That is
// rare: for a while the store rests from time to time.
constexpr auto unseen_busy_max = 60ms;
constexpr auto unseen_memory = 20s;
// They would take a lock that is free for this long, and change something.
constexpr auto unseen_gap = 300ms;
// An original opens the lock file for each of its operations, and polls every 100 ms at least.
constexpr auto poll_memory = 1s;

}  // namespace

void fairness::notice_gap(clock::time_point now) noexcept {
  if (now - released_at_ >= gap_min) rested_at_ = gave_way_at_ = now;
}

bool fairness::has_been_busy(clock::time_point now) noexcept {
  notice_gap(now);
  return now - gave_way_at_ >= busy_max_beside_waiter;
}

bool fairness::poller_is_due(const lock::change_watch& visits, clock::time_point now) noexcept {
  notice_gap(now);
  if (watched_since_ != visits.begun()) {
    watched_since_ = visits.begun();
    nobody_unseen_ = false;
  }
  long_gap_ = now - std::max(released_at_, watched_since_) >= unseen_gap;
  const clock::duration busy = now - rested_at_;
  const bool visited = now - visits.last_visit() <= visit_memory;
  const bool perhaps_unseen = !nobody_unseen_ && now - watched_since_ <= unseen_memory;
  return (visited && busy >= busy_max) || (perhaps_unseen && busy >= unseen_busy_max);
}

void fairness::found_unchanged(bool unchanged) noexcept {
  nobody_unseen_ = nobody_unseen_ || (long_gap_ && unchanged);
  long_gap_ = false;
}

bool fairness::may_lease(const lock::change_watch& visits, clock::time_point now) noexcept {
  return now - visits.last_visit() > poll_memory;
}

}  // namespace conduit::detail
