// While it lives SIGINT and SIGTERM end the loops' coroutines instead of the process, so that what
// was made for them can be removed.
#pragma once

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <atomic>
#include <thread>

#include "cli/event_loops.hpp"

namespace conduit::cli {

class stop_on_signal {
 public:
  explicit stop_on_signal(event_loops& loops);
  stop_on_signal(const stop_on_signal&) = delete;
  stop_on_signal& operator=(const stop_on_signal&) = delete;
  ~stop_on_signal();

  bool arrived() const noexcept { return arrived_.load(); }

 private:
  // Of its own: waiting for a signal is work, with which a loop of the store would never return.
  asio::io_context context_;
  asio::signal_set signals_;
  std::atomic<bool> arrived_{false};
  std::jthread thread_;
};

}  // namespace conduit::cli
