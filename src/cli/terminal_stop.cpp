#include "cli/terminal_stop.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <system_error>
#include <utility>

namespace conduit::cli {

// Stops the process once, whoever asks first.
class terminal_stop::one_stop {
 public:
  void happen() noexcept {
    if (!happened_.exchange(true)) std::raise(SIGSTOP);
  }

 private:
  std::atomic<bool> happened_{false};
};

namespace {

// Whoever started the program may want it to ignore the signal.
bool is_ignored(int signal) noexcept {
  struct sigaction now{};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

terminal_stop::terminal_stop(flat_file_db db) : db_(std::move(db)) {
  if (is_ignored(SIGTSTP)) return;
  signals_.add(SIGTSTP);
  wait_for_signal();
  thread_ = std::jthread([this] { context_.run(); });
}

terminal_stop::~terminal_stop() { context_.stop(); }

void terminal_stop::wait_for_signal() {
  signals_.async_wait([this](const std::error_code& error, int) {
    if (!error) prepare(std::make_shared<one_stop>());
  });
}

// A job, here one that deletes nothing, runs on home without a lease: when its handler runs, the
// lock is free, and the next batch has not begun.
void terminal_stop::prepare(const std::shared_ptr<one_stop>& stop) {
  patience_.expires_after(std::chrono::seconds(1));
  patience_.async_wait([this, stop](const std::error_code& error) {
    if (!error) stop->happen();
    wait_for_signal();
  });
  db_.delete_before(0, [stop](const std::error_code&, std::size_t) { stop->happen(); });
}

}  // namespace conduit::cli
