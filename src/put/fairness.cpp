#include "put/fairness.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;

// A store may keep known visitors waiting for this long.
constexpr auto busy_max = 10ms;
// The lock must be free for this long for a waiter to get it.
constexpr auto gap_min = 200us;
// A visitor may still be polling for this long.
constexpr auto visit_memory = 5s;
// The watch misses processes that began to poll before this store opened the lock file. That is
// rare: for a while the store rests from time to time.
constexpr auto unseen_busy_max = 60ms;
constexpr auto unseen_memory = 20s;
// An original opens the lock file for each of its operations, and polls every 100 ms at least.
constexpr auto poll_memory = 1s;

}  // namespace

bool fairness::rest_is_due(const lock::change_watch& visits) noexcept {
  const auto now = clock::now();
  if (now - released_at_ >= gap_min) busy_since_ = now;
  const bool visited = now - visits.last_visit() <= visit_memory;
  const bool perhaps_unseen = now - visits.begun() <= unseen_memory;
  return (visited && now - busy_since_ >= busy_max) ||
         (perhaps_unseen && now - busy_since_ >= unseen_busy_max);
}

bool fairness::may_lease(const lock::change_watch& visits, clock::time_point now) noexcept {
  return now - visits.last_opening() > poll_memory;
}

}  // namespace conduit::detail
