// Completes lists of finished operations, a few in each turn of the loop, and loses none where a handler throws.
#pragma once

#include <atomic>
#include <cstddef>

#include "base/intrusive_list.hpp"

namespace conduit::io {

// Handlers that one turn of a loop runs at most. What is left is posted before the first of them runs: other threads of the context
// take it meanwhile, timers and sockets come in between, and `stop` is heard.
inline constexpr unsigned handlers_a_turn = 16;

// Bytes that one turn has the kernel copy out of the page cache, on the loop's thread, before it looks at timers and sockets again.
inline constexpr std::size_t bytes_a_turn = 4U << 20;

// `pending` is lowered before each handler, so that the last one of a batch sees an idle engine and the others do not. A handler may
// throw, out of `io_context::run` as usual in Asio; what was not yet completed is then given to `put_back`.
template <typename PutBack>
void complete_all(work_queue& finished, std::atomic<unsigned>& pending, PutBack put_back) {
  struct rescue {
    work_queue& rest;
    PutBack& put_back;
    ~rescue() {
      if (!rest.empty()) put_back(rest);
    }
  } guard{finished, put_back};
  while (!finished.empty()) {
    detail::completion& next = finished.pop_front();
    pending.fetch_sub(1, std::memory_order_relaxed);
    next.complete();
  }
}

// Drops a request that nobody has begun, with the one linked to it. Their owner may live on for a while: nobody shall wait for them.
inline void drop_pair(detail::io_request& request) noexcept {
  detail::io_request* const linked = request.linked;
  request.state = detail::io_request::phase::done;
  if (linked != nullptr) linked->state = detail::io_request::phase::done;
  request.drop();
  if (linked != nullptr) linked->drop();
}

}  // namespace conduit::io
