// An event loop of a simulated process, which is run as users run theirs: all the time, or as long
// as there is work.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "simulation/players/ledger.hpp"
#include "simulation/world/tasks.hpp"

namespace conduit::simulation {

// A context and the threads that run it. A child that a handler forked is given to `play_child` by
// the thread that it has, once it is back from the handler and from the library.
class loop {
 public:
  loop(unsigned threads, bool guarded, std::function<void()> play_child)
      : guarded_(guarded || threads > 1), play_child_(std::move(play_child)) {
    if (guarded_) guard_.emplace(context.get_executor());
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  }

  asio::io_context context;
  bool blocks = false;   // one of its handlers waits for another, or will
  int pending_here = 0;  // begun and not ended; for a moment one less

  bool one_thread() const noexcept { return threads_.size() == 1; }
  // Something was begun.
  void wake() {
    const std::lock_guard hold(mutex_);
    ++pending_here;
    ++begun_;
    changed_.notify_all();
  }
  // In a forked child, where the threads are not.
  void forget_threads() noexcept {
    for (std::thread& one : threads_) one.detach();
    threads_.clear();
  }
  void stop() {
    if (threads_.empty()) return;
    {
      const std::lock_guard hold(mutex_);
      ending_ = true;
      changed_.notify_all();
    }
    guard_.reset();
    context.stop();
    for (std::thread& one : threads_) one.join();
    threads_.clear();
  }

 private:
  void run() {
    if (guarded_) return run_context();
    std::unique_lock hold(mutex_);
    for (std::uint64_t seen = 0;;) {
      changed_.wait(hold, [&] { return ending_ || begun_ != seen; });
      if (ending_) return;
      seen = begun_;
      // Not later: it would take back a `stop`.
      context.restart();
      hold.unlock();
      run_context();
      hold.lock();
      if (!ending_ && begun_ == seen && pending_here > 0) {
        complain("run() returned with " + std::to_string(pending_here) + " operations pending");
        pending_here = 0;
      }
    }
  }

  void run_context() {
    const unsigned owner = current_process().number;
    context.run();
    if (owner == current_process().number) return;
    const std::function<void()> play = play_child_;  // this object may end before it does
    play();
  }

  const bool guarded_;
  const std::function<void()> play_child_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t begun_ = 0;
  bool ending_ = false;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> guard_;
  std::vector<std::thread> threads_;
};

}  // namespace conduit::simulation
