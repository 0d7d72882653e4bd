// The engine without io_uring: a small pool of threads behind the same calls. Reads that the page
// cache can serve run at once on the loop's thread, a few requests a turn; the pool gets requests
// that must wait for the disk.
#pragma once

#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>
#include <atomic>
#include <cassert>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <system_error>

#include "base/fork_guard.hpp"
#include "base/intrusive_list.hpp"
#include "base/thread_crew.hpp"
#include "io/completion_port.hpp"
#include "io/engine.hpp"
#include "io/posted_turns.hpp"

namespace conduit::io {

class thread_service final : public asio::execution_context::service, public engine {
 public:
  static asio::execution_context::id id;

  explicit thread_service(asio::execution_context& context);

  static thread_service& of(asio::io_context& context);

  // Takes effect only before the first request that needs the pool starts it.
  void set_threads(unsigned count) noexcept;

  void start(detail::io_request& request) override;
  void complete_later(detail::io_request& request) override;
  void cancel(detail::io_request& request) noexcept override;
  void wait(detail::io_request& request) noexcept override;
  fixed_file fix(int /*fd*/) noexcept override { return {}; }
  bool idle() const noexcept override { return pending_.load(std::memory_order_relaxed) == 0; }

 private:
  void shutdown() override;
  void turn();
  static work_queue take_slow(work_queue& share) noexcept;
  // These run under the lock.
  void post_turns();
  void serve_arrived(std::unique_lock<std::mutex>& hold);
  work_queue take_arrived() noexcept;
  void hand_to_pool(detail::io_request& request);
  std::error_code need_worker() noexcept;
  void serve_without_thread(detail::io_request& request);
  void bring_home(detail::io_request& request);
  void finish(detail::io_request& request) noexcept;
  void finish_all(work_queue& requests) noexcept;
  void change_pending(int by) noexcept {
    const int now = pending_.load(std::memory_order_relaxed) + by;
    assert(now >= 0);
    pending_.store(now, std::memory_order_relaxed);
  }
  void tell_waiters() noexcept;

  void work();

  // In a forked child the threads, and the operations that wait for them, belong to the parent.
  bool forked() const noexcept { return fork_generation() != made_in_; }

  const std::uint64_t made_in_ = fork_generation();
  completion_port& port_;

  std::mutex mutex_;  // guards all below except `pending_`
  kept_in_child<std::condition_variable> finished_;
  unsigned waiters_ = 0;
  work_queue queued_;   // arrived, for a turn of the loop
  work_queue done_;     // to be completed outside the lock
  work_queue waiting_;  // for a thread of the pool
  std::size_t queued_count_ = 0;
  std::size_t done_count_ = 0;
  posted_turns turns_;
  bool shut_down_ = false;  // set once
  unsigned threads_ = 16;
  unsigned workers_ = 0;  // tasks of the pool: each runs until nothing waits
  std::optional<thread_crew> pool_;
  // Started requests whose handler was not yet called: `idle` reads it without the lock. Any thread
  // adds, the caller of the handler subtracts.
  std::atomic<int> pending_{0};
};

}  // namespace conduit::io
