// Completes finished operations, a few in each turn of the loop.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "base/fork_guard.hpp"
#include "base/intrusive_list.hpp"

namespace conduit::io {

// The most handlers that one turn of a loop runs: timers, sockets and `stop` get their turn in
// between.
inline constexpr unsigned handlers_a_turn = 16;

// Bytes that the kernel copies out of the page cache in one turn, on the loop's thread, before the
// loop looks at timers and sockets again.
inline constexpr std::size_t bytes_a_turn = 4U << 20;

// Call it with the lock of `finished`; the lock is released for each handler. All turns that run at
// once, on several threads of the context, take from the same queue: a handler that blocks or
// throws delays only itself. `taken` is called under the lock for each operation that leaves the
// queue; it posts another turn if some are left.
template <typename Taken>
void complete_some(std::unique_lock<std::mutex>& hold, work_queue& finished, Taken taken) {
  const std::uint64_t born_in = fork_generation();
  assert(hold.owns_lock());
  for (unsigned handlers = 0; handlers < handlers_a_turn && !finished.empty(); ++handlers) {
    detail::completion& next = finished.pop_front();
    taken();
    hold.unlock();
    next.complete();
    // The handler forked. The remaining operations belong to the parent, and a thread that does not
    // exist here may hold the lock.
    if (fork_generation() != born_in) return;
    hold.lock();
  }
}

// Drops a request that has not begun. Its owner may live on for a while: nobody must wait for it.
inline void drop_request(detail::io_request& request) noexcept {
  request.state = detail::io_request::phase::done;
  request.drop();
}

}  // namespace conduit::io
