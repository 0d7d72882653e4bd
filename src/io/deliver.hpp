// Completes finished operations, a few in each turn of the loop.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "base/fork_guard.hpp"
#include "base/intrusive_list.hpp"

namespace conduit::io {

// Handlers that one turn of a loop runs at most: timers and sockets come in between, and `stop` is
// heard.
inline constexpr unsigned handlers_a_turn = 16;

// Bytes that one turn has the kernel copy out of the page cache, on the loop's thread, before it
// looks at timers and sockets again.
inline constexpr std::size_t bytes_a_turn = 4U << 20;

// Called with the lock of `finished`, and let go of for each handler. All turns that run at once,
// on several threads of the context, take from the same queue: a handler that blocks, or throws,
// keeps nobody but itself. `taken` is called under the lock for each operation that leaves the
// queue; it posts another turn where some are left.
template <typename Taken>
void complete_some(std::unique_lock<std::mutex>& hold, work_queue& finished, Taken taken) {
  const std::uint64_t born_in = fork_generation();
  assert(hold.owns_lock());
  for (unsigned handlers = 0; handlers < handlers_a_turn && !finished.empty(); ++handlers) {
    detail::completion& next = finished.pop_front();
    taken();
    hold.unlock();
    next.complete();
    // The handler forked. What is left is the parent's, and the lock may be held by a thread that
    // is not here.
    if (fork_generation() != born_in) return;
    hold.lock();
  }
}

// Drops a request that nobody has begun, with the one linked to it. Their owner may live on for a
// while: nobody shall wait for them.
inline void drop_pair(detail::io_request& request) noexcept {
  detail::io_request* const linked = request.linked;
  request.state = detail::io_request::phase::done;
  if (linked != nullptr) linked->state = detail::io_request::phase::done;
  request.drop();
  if (linked != nullptr) linked->drop();
}

}  // namespace conduit::io
