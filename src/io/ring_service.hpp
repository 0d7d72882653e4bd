// The ring of one io_context. One posted turn submits all requests that arrive during one turn of
// the loop, and reaps at once: reads that the page cache answers complete there. While anything can
// be submitted or completed another turn is posted; only requests in the kernel are left to Asio's
// reactor, which watches the ring's descriptor for that time.
#pragma once

#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <liburing.h>
#include <mutex>
#include <optional>
#include <system_error>

#include "base/fork_guard.hpp"
#include "base/intrusive_list.hpp"
#include "io/engine.hpp"
#include "io/handler_memory.hpp"
#include "io/posted_turns.hpp"

namespace conduit::io {

class ring_service final : public asio::execution_context::service, public engine {
 public:
  static asio::execution_context::id id;

  // Never throws for lack of io_uring: see `error`.
  explicit ring_service(asio::execution_context& context);
  ~ring_service() override;

  static ring_service& of(asio::io_context& context);

  // Why there is no ring; empty if there is one.
  std::error_code error() const noexcept { return error_; }

  void start(detail::io_request& request) override;
  void complete_later(detail::io_request& request) override;
  void cancel(detail::io_request& request) noexcept override;
  void wait(detail::io_request& request) noexcept override;
  bool idle() const noexcept override { return pending_.load(std::memory_order_relaxed) == 0; }
  fixed_file fix(int fd) noexcept override { return {fixed_, fd}; }

 private:
  void shutdown() override;

  // All of these run under the lock.
  void post_turns();
  bool submission_is_due() const noexcept;
  bool disk_waits() const noexcept;
  bool may_submit() noexcept;
  void submit_queued() noexcept;
  bool submit_filled() noexcept;
  void fill(detail::io_request& request) noexcept;
  void reap() noexcept;
  bool goes_again(detail::io_request& request, int result) noexcept;
  void requeue(detail::io_request& request) noexcept;
  void finish(detail::io_request& request, std::int64_t result) noexcept;
  void await_kernel() noexcept;
  void watch_or_rest();

  void change_pending(int by) noexcept {
    const int now = pending_.load(std::memory_order_relaxed) + by;
    assert(now >= 0);
    pending_.store(now, std::memory_order_relaxed);
  }

  // Releases the lock while it calls handlers.
  void take_turn_under(std::unique_lock<std::mutex>& hold);

  // In a forked child the ring, and the operations that wait for it, belong to the parent.
  bool forked() const noexcept { return fork_generation() != made_in_; }

  asio::io_context& context_;
  const std::uint64_t made_in_ = fork_generation();
  std::error_code error_;
  io_uring ring_{};
  bool have_ring_ = false;              // set by the constructor
  std::shared_ptr<fixed_files> fixed_;  // set by the constructor; null if there is no ring

  mutable std::mutex mutex_;  // guards all below except `pending_`
  work_queue queued_;         // not yet in the submission queue, which may be full
  work_queue reaped_;         // answered, to be completed outside the lock
  std::size_t queued_count_ = 0;
  std::size_t reaped_count_ = 0;
  unsigned in_flight_ = 0;
  unsigned in_flight_max_ = 0;
  std::size_t turn_bytes_ = 0;  // of reads submitted in the present turn
  bool disk_works_ = false;     // the last requests were not answered from the page cache
  bool watching_ = false;       // Asio's reactor watches the ring
  bool shut_down_ = false;      // set once
  bool drops_by_hand_ = false;  // set once: a file refused to be read without caching
  posted_turns turns_;
  handler_memory watch_memory_;
  std::optional<asio::posix::stream_descriptor> watch_;
  std::optional<closed_on_fork> ring_in_child_;
  std::optional<closed_on_fork> watched_in_child_;
  // Started requests whose handler was not yet called: `idle` reads it without the lock. Any thread
  // adds, the caller of the handler subtracts.
  std::atomic<int> pending_{0};
};

// Tells whether this process may have an io_uring, by making one and tearing it down.
std::error_code try_ring() noexcept;

}  // namespace conduit::io
