#include "io/thread_service.hpp"

#include <asio/post.hpp>
#include <sys/uio.h>
#include <unistd.h>

#include <thread>

#include "base/os_error.hpp"
#include "io/deliver.hpp"

namespace conduit::io {

using detail::io_request;

asio::execution_context::id thread_service::id;

namespace {

std::int64_t perform(const io_request& request) noexcept {
  const auto offset = static_cast<off_t>(request.offset);
  std::int64_t result = 0;
  switch (request.what) {
    case io_request::kind::read:
      result = ::pread(request.fd, request.data, request.size, offset);
      break;
    case io_request::kind::write:
      result = ::pwritev(request.fd, request.iov, static_cast<int>(request.iov_count), offset);
      break;
    case io_request::kind::sync_data:
      result = ::fdatasync(request.fd);
      break;
  }
  return result < 0 ? -errno : result;
}

std::int64_t bytes_of(const io_request& write) noexcept {
  std::int64_t sum = 0;
  for (unsigned i = 0; i < write.iov_count; ++i) sum += static_cast<std::int64_t>(write.iov[i].iov_len);
  return sum;
}

}  // namespace

thread_service::thread_service(asio::execution_context& context)
    : service(context), context_(static_cast<asio::io_context&>(context)), port_(completion_port::of(context_)) {}

thread_service& thread_service::of(asio::io_context& context) { return asio::use_service<thread_service>(context); }

void thread_service::set_threads(unsigned count) noexcept {
  const std::lock_guard hold(mutex_);
  if (!pool_) threads_ = count;
}

void thread_service::start(io_request& request) {
  const std::lock_guard hold(mutex_);
  if (shut_down_) return drop_pair(request);
  request.state = io_request::phase::queued;
  queued_.push_back(request);
  pending_.fetch_add(1, std::memory_order_relaxed);
  post_flush();
}

void thread_service::complete_later(io_request& request) {
  const std::lock_guard hold(mutex_);
  if (shut_down_) return drop_pair(request);
  request.state = io_request::phase::done;
  queued_.push_back(request);
  pending_.fetch_add(1, std::memory_order_relaxed);
  post_flush();
}

void thread_service::post_flush() {
  if (flush_posted_) return;
  flush_posted_ = true;
  asio::post(context_, [this] { flush(); });
}

void thread_service::flush() {
  work_queue batch;
  {
    const std::lock_guard hold(mutex_);
    flush_posted_ = false;
    work_queue arrived;
    arrived.splice(queued_);
    while (!arrived.empty()) {
      auto& request = static_cast<io_request&>(arrived.pop_front());
      if (try_at_once(request)) {
        batch.push_back(request);
      } else {
        pending_.fetch_sub(1, std::memory_order_relaxed);
        hand_to_pool(request);
      }
    }
  }
  complete_all(batch, pending_, [this](work_queue& rest) {
    const std::lock_guard hold(mutex_);
    rest.splice(queued_);
    queued_.splice(rest);
    post_flush();
  });
}

bool thread_service::try_at_once(io_request& request) noexcept {
  if (request.state == io_request::phase::done) return true;  // cancelled, or put back by a handler that threw
  if (request.what != io_request::kind::read) return false;
  const iovec part{request.data, request.size};
  const ssize_t count = ::preadv2(request.fd, &part, 1, static_cast<off_t>(request.offset), RWF_NOWAIT);
  if (count < 0 || static_cast<std::size_t>(count) < request.size) return false;
  request.result = count;
  request.state = io_request::phase::done;
  return true;
}

void thread_service::hand_to_pool(io_request& request) {
  if (!pool_) pool_.emplace(threads_);
  port_.send_away(request);
  if (request.linked != nullptr) port_.send_away(*request.linked);
  waiting_.push_back(request);
  asio::post(*pool_, [this] { work_one(); });
}

void thread_service::work_one() {
  io_request* request = nullptr;
  bool cancelled = false;
  {
    const std::lock_guard hold(mutex_);
    if (waiting_.empty()) return;  // the context is going
    request = static_cast<io_request*>(&waiting_.pop_front());
    cancelled = request->state == io_request::phase::done;
    if (!cancelled) request->state = io_request::phase::in_kernel;
  }
  io_request* const linked = request->linked;
  if (!cancelled) request->result = perform(*request);
  // As the kernel does it: a link breaks at anything but a whole transfer.
  if (linked != nullptr) linked->result = request->result == bytes_of(*request) ? perform(*linked) : -ECANCELED;
  {
    const std::lock_guard hold(mutex_);
    request->state = io_request::phase::done;
    if (linked != nullptr) linked->state = io_request::phase::done;
    finished_.notify_all();
  }
  port_.deliver(*request);
  if (linked != nullptr) port_.deliver(*linked);
}

void thread_service::cancel(io_request& request) noexcept {
  const std::lock_guard hold(mutex_);
  if (request.state != io_request::phase::queued) return;
  // Queued for the loop's turn or for the pool; either way nobody has touched the buffer.
  request.result = -ECANCELED;
  request.state = io_request::phase::done;
}

void thread_service::wait(io_request& request) noexcept {
  std::unique_lock hold(mutex_);
  while (request.state == io_request::phase::idle) {
    // Its owner is on the way to `start`, which needs the lock.
    hold.unlock();
    std::this_thread::yield();
    hold.lock();
  }
  if (request.state == io_request::phase::queued) {
    // The loop that would hand it to the pool may never turn again.
    for (io_request* entry = queued_.empty() ? nullptr : static_cast<io_request*>(&queued_.front()); entry != nullptr;) {
      auto* next = static_cast<io_request*>(queued_.after(*entry));
      if (entry == &request) {
        work_queue::erase(request);
        pending_.fetch_sub(1, std::memory_order_relaxed);
        hand_to_pool(request);
        break;
      }
      entry = next;
    }
  }
  finished_.wait(hold, [&] { return request.state == io_request::phase::done; });
}

void thread_service::shutdown() {
  work_queue dropped;
  {
    const std::lock_guard hold(mutex_);
    shut_down_ = true;
    dropped.splice(queued_);
    while (!waiting_.empty()) {
      auto& request = static_cast<io_request&>(waiting_.pop_front());
      port_.take_back(request);
      if (request.linked != nullptr) port_.take_back(*request.linked);
      dropped.push_back(request);
    }
  }
  if (pool_) pool_->join();
  while (!dropped.empty()) drop_pair(static_cast<io_request&>(dropped.pop_front()));
}

}  // namespace conduit::io
