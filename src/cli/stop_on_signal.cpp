#include "cli/stop_on_signal.hpp"

#include <csignal>

namespace conduit::cli {

stop_on_signal::stop_on_signal(event_loops& loops) : signals_(context_, SIGINT, SIGTERM) {
  signals_.async_wait([this, &loops](const std::error_code& error, int) {
    if (error) return;
    arrived_ = true;
    loops.stop();
  });
  thread_ = std::jthread([this] { context_.run(); });
}

stop_on_signal::~stop_on_signal() { context_.stop(); }

}  // namespace conduit::cli
