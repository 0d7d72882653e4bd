#include "put/fairness.hpp"

namespace conduit::detail {

namespace {

using namespace std::chrono_literals;

// So long a store may keep others waiting who are known to come.
constexpr auto busy_max = 10ms;
// So long the lock must be free for a waiter to get it.
constexpr auto gap_min = 200us;
// Whoever came for the lock may still be polling for so long.
constexpr auto visit_memory = 5s;
// Whoever began to poll before this store opened the lock file was not seen. That is rare: for a
// while there is a rest now and then.
constexpr auto unseen_busy_max = 60ms;
constexpr auto unseen_memory = 20s;

}  // namespace

bool fairness::rest_is_due(const lock::change_watch& visits) noexcept {
  const auto now = clock::now();
  if (now - released_at_ >= gap_min) busy_since_ = now;
  const bool visited = now - visits.last_visit() <= visit_memory;
  const bool perhaps_unseen = now - visits.begun() <= unseen_memory;
  return (visited && now - busy_since_ >= busy_max) ||
         (perhaps_unseen && now - busy_since_ >= unseen_busy_max);
}

}  // namespace conduit::detail
