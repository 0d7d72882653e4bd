// A few threads that run posted tasks. Every thread that the library keeps for tasks of others is
// started here, one at a time and only when no thread is free for a task.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/fork_guard.hpp"

namespace conduit {

// For any thread. In a forked child, which lacks the threads, neither `join` nor the destructor
// touches anything.
class thread_crew {
 public:
  explicit thread_crew(unsigned threads_max);
  thread_crew(const thread_crew&) = delete;
  thread_crew& operator=(const thread_crew&) = delete;
  ~thread_crew();

  // Runs `task`, which must not throw, after all earlier tasks have begun. On an error nothing was
  // posted: `resource_unavailable_try_again` of the system if there is no thread and none can be
  // started, or `not_enough_memory`. The next call tries again.
  template <typename Task>
  std::error_code post(Task task) noexcept {
    // The task may end the owner of this object, on another thread, before the call returns.
    const std::shared_ptr<core> own = core_;
    const std::error_code refused = own->make_room();
    if (refused) return refused;
    try {
      asio::post(own->queue, [one = own.get(), run = std::move(task)]() mutable {
        run();
        one->unfinished.fetch_sub(1, std::memory_order_relaxed);
      });
    } catch (const std::bad_alloc&) {
      own->unfinished.fetch_sub(1, std::memory_order_relaxed);
      return std::make_error_code(std::errc::not_enough_memory);
    }
    return {};
  }

  // Tasks posted and not yet ended. Approximate.
  unsigned unfinished() const noexcept { return core_->unfinished.load(std::memory_order_relaxed); }

  // Finishes all posted tasks. Nothing may be posted afterwards.
  void join() noexcept;
  // The same without waiting: the threads end by themselves.
  void leave() noexcept;

 private:
  struct core : std::enable_shared_from_this<core> {
    explicit core(unsigned limit) : threads_max(limit), queue(static_cast<int>(limit)) {
      threads.reserve(limit);
    }
    // Counts a new task, and starts a thread for it if none is free.
    std::error_code make_room() noexcept;
    std::error_code start_thread() noexcept;
    std::vector<std::thread> end() noexcept;

    const unsigned threads_max;
    asio::io_context queue;
    asio::executor_work_guard<asio::io_context::executor_type> work{queue.get_executor()};
    std::atomic<unsigned> unfinished{0};  // tasks: the poster adds, the thread subtracts
    std::atomic<unsigned> started{0};     // threads; written under `starting`
    std::mutex starting;
    std::vector<std::thread> threads;  // guarded by `starting`
    std::shared_ptr<core> kept_for_ever;
  };

  const std::uint64_t made_in_ = fork_generation();
  std::shared_ptr<core> core_;
};

}  // namespace conduit
