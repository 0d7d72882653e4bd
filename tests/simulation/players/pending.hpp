// One call of a simulated process, while it is under way.
#pragma once

#include <asio/cancellation_signal.hpp>
#include <conduit/error.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "simulation/players/ledger.hpp"
#include "simulation/world/tasks.hpp"

namespace conduit::simulation {

// What one operation needs while it is under way; the handler holds it. Where that is destroyed
// without a call, the operation was dropped with its context.
struct pending {
  explicit pending(verb what)
      : owner(current_process().number), number(begin_operation(what)), begun(the_world().now) {}
  pending(const pending&) = delete;
  pending& operator=(const pending&) = delete;
  ~pending() { end(); }

  void end() {
    // A child's copy is nobody's.
    if (!ended && owner == current_process().number) end_operation(number);
    ended = true;
  }

  const unsigned owner;
  const std::size_t number;
  const nanoseconds begun;
  bool ended = false;
  bool cancelled = false;
  std::vector<std::uint64_t> seeds;
  std::vector<std::string> blobs;
  std::string room;
  asio::cancellation_signal signal;
};
using held = std::shared_ptr<pending>;

// What the parent began ends in the parent. A coroutine that waits for its turn when the process
// forks may begin in the child, and is told so.
inline bool is_inherited(const pending& one, const std::error_code& error) {
  if (one.owner == current_process().number) return false;
  if (error != errc::forked) complain("a handler of the parent's runs in a forked child");
  return true;
}

}  // namespace conduit::simulation
