// Delivers the writer's finished operations to their handlers.
#pragma once

#include <asio/awaitable.hpp>
#include <conduit/detail/operations.hpp>
#include <cstdint>
#include <exception>

#include "base/fork_guard.hpp"
#include "base/intrusive_list.hpp"
#include "io/completion_port.hpp"

namespace conduit::detail {

class delivery {
 public:
  explicit delivery(io::completion_port& home) noexcept : home_(home) {}

  // ---- for any thread

  // Delivers each on its own context, in turns of that context's loop.
  void deliver(work_queue finished);

  // ---- for the writer's coroutine, on home

  void add(work_queue ended) noexcept { ended_.splice(ended); }
  // Delivers operations that were added and not completed, because the coroutine ended with an
  // exception.
  void deliver_rest() { deliver(std::move(ended_)); }
  // Runs a few handlers at once, without another turn of the loop. False if there are too many:
  // they then wait for `complete_in_turns`.
  bool complete_few();
  // Gives the handlers turns of their own. The coroutine goes on behind the last of them: the puts
  // that they start can be written together.
  asio::awaitable<void> complete_in_turns();
  asio::awaitable<void> complete();
  // This turn has run as many handlers as one turn may run.
  bool turn_is_full() const noexcept;
  void turn_began() noexcept { handlers_run_ = 0; }

 private:
  work_queue deliver_abroad(work_queue& finished);
  void throw_from_context(std::exception_ptr thrown) noexcept;
  bool forked() const noexcept { return fork_generation() != made_in_; }

  io::completion_port& home_;
  const std::uint64_t made_in_ = fork_generation();
  work_queue ended_;           // not in a coroutine frame: there may be no memory for one
  unsigned handlers_run_ = 0;  // in this turn of the loop
};

}  // namespace conduit::detail
