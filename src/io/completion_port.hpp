// Delivers operations that another thread finished: each is completed on a thread of its
// io_context, and dropped if that context is destroyed first.
#pragma once

#include <asio/execution_context.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/fork_guard.hpp"
#include "base/intrusive_list.hpp"
#include "io/posted_turns.hpp"

namespace conduit::io {

class completion_port final : public asio::execution_context::service {
 public:
  static asio::execution_context::id id;

  explicit completion_port(asio::execution_context& context);

  static completion_port& of(asio::io_context& context);

  asio::io_context& context() noexcept { return context_; }
  // This process got the context from its parent by a fork: the library does nothing on it.
  bool forked() const noexcept { return fork_generation() != made_in_; }
  // The context is being destroyed: no operation may begin, since nobody would end it.
  bool ended() const noexcept { return shut_down_.load(std::memory_order_relaxed); }

  // Another thread now has the operation. The context has work until the operation is delivered or
  // taken back.
  void send_away(detail::completion& operation);
  // From any thread: `complete` will run on the context.
  void deliver(detail::completion& operation);
  // The same for many operations of this context, with one wake-up.
  void deliver_all(work_queue& operations);
  // For the thread that has the operation: takes it back without a delivery.
  void take_back(detail::completion& operation) noexcept;
  // The same for many, on a thread of the context.
  void take_back_all(work_queue& operations) noexcept;

 private:
  using away_queue = intrusive_list<detail::completion, detail::away_list>;

  void shutdown() override;
  void leave(detail::completion& operation) noexcept;
  // Returns how many operations that were.
  std::size_t leave_all(work_queue& operations) noexcept;
  void post_turns();
  void turn();

  asio::io_context& context_;
  const std::uint64_t made_in_ = fork_generation();
  std::mutex mutex_;  // guards all below
  kept_in_child<std::condition_variable> arrival_;
  away_queue away_;
  work_queue arrived_;
  std::size_t arrived_count_ = 0;
  posted_turns turns_;
  std::atomic<bool> shut_down_{false};  // set under the mutex, once; read without it
  // Held while any operation is away: `run` must not return under a pending operation.
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
};

}  // namespace conduit::io
