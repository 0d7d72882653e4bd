// The turns of a loop that a service has posted and that have not begun. If many handlers wait,
// several turns stand in the context's queue at once: other threads of the context run them in
// parallel, and Asio asks the kernel for events between only some of them.
#pragma once

#include <algorithm>
#include <array>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <cstddef>

#include "io/deliver.hpp"
#include "io/handler_memory.hpp"

namespace conduit::io {

// Timers and sockets wait for all of these turns: with four, a timer beside a million reads was
// late more often.
inline constexpr std::size_t turns_ahead_max = 2;

// All calls run under the lock of the service.
class posted_turns {
 public:
  explicit posted_turns(asio::io_context& context) noexcept : context_(context) {}

  bool any() const noexcept { return count_ != 0; }

  // Posts `turn` until there are enough for `waiting` handlers, and at least one. A turn must call
  // `one_began` first.
  template <typename Turn>
  void post(std::size_t waiting, Turn turn) {
    const std::size_t wanted =
        std::clamp<std::size_t>(waiting / handlers_a_turn, 1, turns_ahead_max);
    for (; count_ < wanted; ++count_) asio::post(context_, with_memory(free_memory(), turn));
  }
  void one_began() noexcept { --count_; }

 private:
  // One is free: a turn that began has returned its memory.
  handler_memory& free_memory() noexcept {
    return *std::find_if(memory_.begin(), memory_.end(),
                         [](const handler_memory& memory) { return !memory.taken(); });
  }

  asio::io_context& context_;
  std::size_t count_ = 0;
  std::array<handler_memory, turns_ahead_max> memory_;
};

}  // namespace conduit::io
