// The ring of one io_context. Requests that arrive during one turn of the loop are submitted together by one posted flush, which reaps
// at once: what the page cache answers completes there. Asio's reactor watches the ring's descriptor only while something is in flight.
#pragma once

#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <atomic>
#include <liburing.h>
#include <mutex>
#include <optional>
#include <system_error>

#include "base/intrusive_list.hpp"
#include "io/engine.hpp"

namespace conduit::io {

class ring_service final : public asio::execution_context::service, public engine {
 public:
  static asio::execution_context::id id;

  // Never throws for want of io_uring: `error` tells.
  explicit ring_service(asio::execution_context& context);
  ~ring_service() override;

  static ring_service& of(asio::io_context& context);

  // Why there is no ring; empty where there is one.
  std::error_code error() const noexcept { return error_; }

  void start(detail::io_request& request) override;
  void complete_later(detail::io_request& request) override;
  void cancel(detail::io_request& request) noexcept override;
  void wait(detail::io_request& request) noexcept override;
  bool idle() const noexcept override { return pending_.load(std::memory_order_relaxed) == 0; }

 private:
  void shutdown() override;

  // All of these under the lock.
  void post_flush();
  void submit_queued() noexcept;
  void fill(detail::io_request& request, bool link) noexcept;
  void reap() noexcept;
  void watch_or_rest();

  void flush();
  void on_readable();
  void complete_reaped(std::unique_lock<std::mutex>& hold);

  asio::io_context& context_;
  std::error_code error_;
  io_uring ring_{};
  bool have_ring_ = false;

  mutable std::mutex mutex_;
  work_queue queued_;  // not yet in the submission queue: also what did not fit in there
  work_queue reaped_;  // answered, to be completed outside the lock
  unsigned in_flight_ = 0;
  unsigned in_flight_max_ = 0;
  bool flush_posted_ = false;
  bool watching_ = false;
  bool shut_down_ = false;
  std::optional<asio::posix::stream_descriptor> watch_;
  // Requests started whose handler was not yet called: what `idle` looks at without the lock.
  std::atomic<unsigned> pending_{0};
};

// An io_uring is made and torn down: whether this process may have one.
std::error_code try_ring() noexcept;

}  // namespace conduit::io
