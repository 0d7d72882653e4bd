// Where io_uring is forbidden: a small pool of threads behind the same calls. What the page cache holds is read at once on the loop's
// thread, by the flush that ends a turn; the pool gets what has to wait for the disk.
#pragma once

#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/intrusive_list.hpp"
#include "io/completion_port.hpp"
#include "io/engine.hpp"

namespace conduit::io {

class thread_service final : public asio::execution_context::service, public engine {
 public:
  static asio::execution_context::id id;

  explicit thread_service(asio::execution_context& context);

  static thread_service& of(asio::io_context& context);

  // Takes effect until the pool has been started by the first request that needs it.
  void set_threads(unsigned count) noexcept;

  void start(detail::io_request& request) override;
  void complete_later(detail::io_request& request) override;
  void cancel(detail::io_request& request) noexcept override;
  void wait(detail::io_request& request) noexcept override;
  bool idle() const noexcept override { return pending_.load(std::memory_order_relaxed) == 0; }

 private:
  void shutdown() override;
  void post_flush();
  void flush();
  bool try_at_once(detail::io_request& request) noexcept;
  void hand_to_pool(detail::io_request& request);
  void work_one();

  asio::io_context& context_;
  completion_port& port_;

  std::mutex mutex_;
  std::condition_variable finished_;
  work_queue queued_;   // arrived in this turn
  work_queue waiting_;  // for a thread of the pool
  bool flush_posted_ = false;
  bool shut_down_ = false;
  unsigned threads_ = 16;
  std::optional<asio::thread_pool> pool_;
  std::atomic<unsigned> pending_{0};
};

}  // namespace conduit::io
