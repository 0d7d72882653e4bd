#include "io/ring_service.hpp"

#include <asio/post.hpp>
#include <fcntl.h>

#include <cerrno>
#include <thread>

#include "base/os_error.hpp"
#include "base/unique_fd.hpp"
#include "io/deliver.hpp"
#include "io/tsan.hpp"

namespace conduit::io {

using detail::io_request;

asio::execution_context::id ring_service::id;

namespace {

constexpr unsigned ring_entries = 256;
constexpr unsigned ring_entries_min = 16;

// Where locked memory is scarce (kernels that charge rings to RLIMIT_MEMLOCK) a smaller ring may still be had.
int set_up(io_uring& ring, unsigned& entries) noexcept {
  int result = -ENOMEM;
  for (entries = ring_entries; entries >= ring_entries_min && result == -ENOMEM; entries /= 4) {
    result = io_uring_queue_init(entries, &ring, IORING_SETUP_CLAMP);
    if (result == 0) return 0;
  }
  return result;
}

}  // namespace

std::error_code try_ring() noexcept {
  io_uring ring{};
  unsigned entries = 0;
  const int result = set_up(ring, entries);
  if (result == 0) io_uring_queue_exit(&ring);
  return os_error(result);
}

ring_service::ring_service(asio::execution_context& context) : service(context), context_(static_cast<asio::io_context&>(context)) {
  unsigned entries = 0;
  error_ = os_error(set_up(ring_, entries));
  if (error_) return;
  have_ring_ = true;
  io_uring_ring_dontfork(&ring_);
  // Completions must never outgrow their queue: the kernel would keep them back and every call become slower.
  in_flight_max_ = *ring_.cq.kring_entries;
  // A descriptor of its own, which Asio closes: liburing closes the ring's behind the back of everybody, ThreadSanitizer too.
  unique_fd watched(::fcntl(ring_.ring_fd, F_DUPFD_CLOEXEC, 0));
  if (!watched) error_ = os_error(-errno);
  if (error_) return;
  try {
    watch_.emplace(context_);
  } catch (const std::system_error& refused) {  // Asio's reactor wants descriptors of its own
    error_ = refused.code();
    return;
  }
  static_cast<void>(watch_->assign(watched.get(), error_));
  if (!error_) watched.release();
}

ring_service::~ring_service() {
  if (have_ring_) io_uring_queue_exit(&ring_);
}

ring_service& ring_service::of(asio::io_context& context) { return asio::use_service<ring_service>(context); }

void ring_service::start(io_request& request) {
  const std::lock_guard hold(mutex_);
  if (shut_down_) return drop_pair(request);
  request.state = io_request::phase::queued;
  queued_.push_back(request);
  pending_.fetch_add(request.linked != nullptr ? 2 : 1, std::memory_order_relaxed);
  post_flush();
}

void ring_service::complete_later(io_request& request) {
  const std::lock_guard hold(mutex_);
  if (shut_down_) return drop_pair(request);
  request.state = io_request::phase::done;
  reaped_.push_back(request);
  pending_.fetch_add(1, std::memory_order_relaxed);
  post_flush();
}

void ring_service::post_flush() {
  if (flush_posted_) return;
  flush_posted_ = true;
  asio::post(context_, [this] { flush(); });
}

void ring_service::flush() {
  std::unique_lock hold(mutex_);
  flush_posted_ = false;
  submit_queued();
  reap();
  watch_or_rest();
  complete_reaped(hold);
}

void ring_service::on_readable() {
  std::unique_lock hold(mutex_);
  watching_ = false;
  reap();
  submit_queued();
  reap();
  watch_or_rest();
  complete_reaped(hold);
}

void ring_service::complete_reaped(std::unique_lock<std::mutex>& hold) {
  work_queue batch;
  batch.splice(reaped_);
  hold.unlock();
  complete_all(batch, pending_, [this](work_queue& rest) {
    const std::lock_guard again(mutex_);
    rest.splice(reaped_);
    reaped_.splice(rest);
    post_flush();
  });
}

void ring_service::submit_queued() noexcept {
  while (!queued_.empty()) {
    io_request& request = static_cast<io_request&>(queued_.front());
    const unsigned needed = request.linked != nullptr ? 2 : 1;
    if (in_flight_ + needed > in_flight_max_) break;
    if (io_uring_sq_space_left(&ring_) < needed) {
      // A linked pair must go into one submission: the kernel ends a chain there.
      if (io_uring_submit(&ring_) < 0) break;
      continue;
    }
    work_queue::erase(request);
    fill(request, request.linked != nullptr);
    if (request.linked != nullptr) fill(*request.linked, false);
  }
  // A negative answer (EAGAIN, EBUSY, EINTR) leaves the entries in the queue; the next flush or reap submits them.
  if (io_uring_sq_ready(&ring_) != 0 && io_uring_submit(&ring_) < 0) post_flush();
}

void ring_service::fill(io_request& request, bool link) noexcept {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  switch (request.what) {
    case io_request::kind::read:
      io_uring_prep_read(entry, request.fd, request.data, static_cast<unsigned>(request.size), request.offset);
      break;
    case io_request::kind::write:
      io_uring_prep_writev(entry, request.fd, request.iov, request.iov_count, request.offset);
      break;
    case io_request::kind::sync_data:
      io_uring_prep_fsync(entry, request.fd, IORING_FSYNC_DATASYNC);
      break;
  }
  if (link) entry->flags |= IOSQE_IO_LINK;
  io_uring_sqe_set_data(entry, &request);
  request.state = io_request::phase::in_kernel;
  ++in_flight_;
  handed_to_kernel(&request);
}

void ring_service::reap() noexcept {
  io_uring_cqe* entry = nullptr;
  while (in_flight_ != 0 && io_uring_peek_cqe(&ring_, &entry) == 0) {
    auto* request = static_cast<io_request*>(io_uring_cqe_get_data(entry));
    const int result = entry->res;
    io_uring_cqe_seen(&ring_, entry);
    --in_flight_;
    if (request == nullptr) continue;  // the answer to a cancellation
    returned_by_kernel(request);
    request->result = result;
    request->state = io_request::phase::done;
    reaped_.push_back(*request);
  }
}

void ring_service::watch_or_rest() {
  if (shut_down_) return;
  if (in_flight_ == 0) {
    // An armed wait would keep `run` from returning. Its handler still runs, aborted, and finds nothing.
    std::error_code ignored;
    if (watching_) static_cast<void>(watch_->cancel(ignored));
  } else if (!watching_) {
    watching_ = true;
    watch_->async_wait(asio::posix::descriptor_base::wait_read, [this](std::error_code) { on_readable(); });
  }
}

void ring_service::cancel(io_request& request) noexcept {
  const std::lock_guard hold(mutex_);
  if (request.state == io_request::phase::queued) {
    work_queue::erase(request);
    request.result = -ECANCELED;
    request.state = io_request::phase::done;
    reaped_.push_back(request);
    post_flush();
  } else if (request.state == io_request::phase::in_kernel && !request.cancel_wanted) {
    request.cancel_wanted = true;
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) return;  // it is only a wish
    io_uring_prep_cancel(entry, &request, 0);
    io_uring_sqe_set_data(entry, nullptr);
    ++in_flight_;
    post_flush();
  }
}

void ring_service::wait(io_request& request) noexcept {
  std::unique_lock hold(mutex_);
  while (request.state != io_request::phase::done) {
    if (request.state == io_request::phase::idle) {
      // Its owner is on the way to `start`, which needs the lock.
      hold.unlock();
      std::this_thread::yield();
      hold.lock();
      continue;
    }
    submit_queued();
    io_uring_cqe* entry = nullptr;
    // Under the lock: nobody else can reap meanwhile, and this runs only while a context is being destroyed.
    if (in_flight_ != 0) io_uring_wait_cqe(&ring_, &entry);
    reap();
  }
  if (!reaped_.empty()) post_flush();
}

void ring_service::shutdown() {
  work_queue queued;
  work_queue dropped;
  {
    const std::lock_guard hold(mutex_);
    shut_down_ = true;
    if (!have_ring_) return;
    queued.splice(queued_);
    // Buffers belong to the kernel until it has answered.
    while (in_flight_ != 0) {
      io_uring_cqe* entry = nullptr;
      io_uring_submit(&ring_);
      io_uring_wait_cqe(&ring_, &entry);
      reap();
    }
    dropped.splice(reaped_);
    std::error_code ignored;
    if (watch_) static_cast<void>(watch_->close(ignored));
  }
  while (!queued.empty()) drop_pair(static_cast<io_request&>(queued.pop_front()));
  while (!dropped.empty()) dropped.pop_front().drop();
}

}  // namespace conduit::io
