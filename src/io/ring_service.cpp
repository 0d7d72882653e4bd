#include "io/ring_service.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>
#include <thread>

#include "base/os_error.hpp"
#include "base/unique_fd.hpp"
#include "io/deliver.hpp"
#include "io/read_once.hpp"
#include "io/tsan.hpp"

namespace conduit::io {

using detail::io_request;

asio::execution_context::id ring_service::id;

namespace {

constexpr unsigned ring_entries = 256;
constexpr unsigned ring_entries_min = 16;

// While more handlers wait than a turn runs, requests are gathered up to this count: a submission
// is a system call.
constexpr std::size_t submission_min = 64;

// A disk shall not wait for requests that are gathered: at least so many go to it at once, and half
// as many as it still has. With 32 reads in flight that makes it a sixth faster than if all were
// submitted together, and answered together.
constexpr unsigned disk_submission_min = 4;

// If locked memory is scarce (kernels that charge rings to RLIMIT_MEMLOCK) a smaller ring may still
// work.
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

ring_service::ring_service(asio::execution_context& context)
    : service(context), context_(static_cast<asio::io_context&>(context)), turns_(context_) {
  unsigned entries = 0;
  error_ = os_error(set_up(ring_, entries));
  if (error_) return;
  have_ring_ = true;
  io_uring_ring_dontfork(&ring_);
  ring_in_child_.emplace(ring_.ring_fd);
  // Completions must never outgrow their queue: the kernel would hold them back, and every call
  // would become slower.
  in_flight_max_ = *ring_.cq.kring_entries;
  // A separate descriptor, which Asio closes: liburing closes the ring's own without anybody
  // noticing, ThreadSanitizer included.
  unique_fd watched(::fcntl(ring_.ring_fd, F_DUPFD_CLOEXEC, 0));
  if (!watched) error_ = os_error(-errno);
  if (error_) return;
  try {
    fixed_ = std::make_shared<fixed_files>(ring_);
    watch_.emplace(context_);
    static_cast<void>(watch_->assign(watched.get(), error_));
  } catch (const std::system_error& refused) {  // Asio's reactor wants descriptors of its own
    error_ = refused.code();
  } catch (const std::bad_alloc&) {
    error_ = std::make_error_code(std::errc::not_enough_memory);
  }
  if (!error_) watched_in_child_.emplace(watched.release());
}

ring_service::~ring_service() {
  ring_in_child_.reset();
  if (!have_ring_) return;
  if (fixed_) fixed_->close();
  if (forked()) {
    // The ring is not mapped here; other memory may now be at its addresses.
    ::close(ring_.ring_fd);
  } else {
    io_uring_queue_exit(&ring_);
  }
}

ring_service& ring_service::of(asio::io_context& context) {
  return asio::use_service<ring_service>(context);
}

void ring_service::start(io_request& request) {
  if (forked()) return;
  std::unique_lock hold(mutex_);
  if (shut_down_) {
    hold.unlock();  // dropped requests may re-enter here
    return drop_request(request);
  }
  request.state = io_request::phase::queued;
  request.rounds = 0;
  queued_.push_back(request);
  ++queued_count_;
  change_pending(1);
  if (!turns_.any()) post_turns();
}

void ring_service::complete_later(io_request& request) {
  if (forked()) return;
  std::unique_lock hold(mutex_);
  if (shut_down_) {
    hold.unlock();
    return drop_request(request);
  }
  change_pending(1);
  finish(request, request.result);
  if (!turns_.any()) post_turns();
}

void ring_service::finish(io_request& request, std::int64_t result) noexcept {
  request.result = result;
  request.state = io_request::phase::done;
  reaped_.push_back(request);
  ++reaped_count_;
}

// ---- one turn of the loop

void ring_service::post_turns() {
  turns_.post(reaped_count_, [this] {
    if (forked()) return;
    std::unique_lock hold(mutex_);
    turns_.one_began();
    take_turn_under(hold);
  });
}

void ring_service::take_turn_under(std::unique_lock<std::mutex>& hold) {
  turn_bytes_ = 0;
  reap();
  bool more = may_submit();
  if (more && submission_is_due()) {
    submit_queued();
    reap();
    disk_works_ = in_flight_ >= disk_submission_min;
    more = may_submit();
  }
  if (reaped_count_ > 1 || more) post_turns();
  watch_or_rest();
  complete_some(hold, reaped_, [this] {
    // Before the handler: the last handler must see an idle engine.
    change_pending(-1);
    if (disk_waits()) submit_queued();
    if (--reaped_count_ != 0 && !turns_.any()) post_turns();
  });
}

// Waiting handlers go before a small submission: they bring requests that can join it.
bool ring_service::submission_is_due() const noexcept {
  return reaped_count_ < handlers_a_turn || queued_count_ >= submission_min || disk_waits();
}

bool ring_service::disk_waits() const noexcept {
  return disk_works_ && queued_count_ >= std::max(disk_submission_min, in_flight_ / 2);
}

// True if a queued request could be submitted now. Requests that wait for room in the ring are
// tried when the kernel answers.
bool ring_service::may_submit() noexcept {
  if (io_uring_sq_ready(&ring_) != 0) return true;
  return !queued_.empty() && in_flight_ < in_flight_max_;
}

// Only if no other turn will come: that one looks again.
void ring_service::watch_or_rest() {
  if (shut_down_ || turns_.any()) return;
  if (in_flight_ == 0) {
    // An armed wait would keep `run` from returning. Its handler still runs, aborted, and finds
    // nothing.
    std::error_code ignored;
    if (watching_) static_cast<void>(watch_->cancel(ignored));
  } else if (!watching_) {
    auto on_readable = [this](std::error_code) {
      if (forked()) return;
      std::unique_lock hold(mutex_);
      watching_ = false;
      take_turn_under(hold);
    };
    watch_->async_wait(asio::posix::descriptor_base::wait_read,
                       with_memory(watch_memory_, on_readable));
    watching_ = true;
  }
}

// ---- to the kernel and back

void ring_service::submit_queued() noexcept {
  while (!queued_.empty() && turn_bytes_ < bytes_a_turn) {
    io_request& request = static_cast<io_request&>(queued_.front());
    if (in_flight_ == in_flight_max_ || (io_uring_sq_space_left(&ring_) == 0 && !submit_filled()))
      break;
    work_queue::erase(request);
    --queued_count_;
    turn_bytes_ += request.what == io_request::kind::read ? request.size : 0;
    fill(request);
  }
  static_cast<void>(submit_filled());
}

// The kernel may take only some of them. False if it takes no more now (EAGAIN, EBUSY, EINTR): the
// rest stays for the next turn.
bool ring_service::submit_filled() noexcept {
  while (io_uring_sq_ready(&ring_) != 0) {
    if (io_uring_submit(&ring_) <= 0) return false;
  }
  return true;
}

void ring_service::fill(io_request& request) noexcept {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  assert(entry != nullptr);
  const bool fixed = request.fixed != fixed_files::none;
  switch (request.what) {
    case io_request::kind::read:
      io_uring_prep_read(entry, fixed ? request.fixed : request.fd, request.data,
                         static_cast<unsigned>(request.size), request.offset);
      if (fixed) io_uring_sqe_set_flags(entry, IOSQE_FIXED_FILE);
      request.drops = request.once && drops_by_hand_ &&
                      !may_be_cached(request.fd, request.size, request.offset);
      if (request.once && !drops_by_hand_) entry->rw_flags = read_without_caching;
      break;
    case io_request::kind::write:
      io_uring_prep_writev(entry, request.fd, request.iov, request.iov_count, request.offset);
      break;
    case io_request::kind::sync_data:
      io_uring_prep_fsync(entry, request.fd, IORING_FSYNC_DATASYNC);
      break;
  }
  io_uring_sqe_set_data(entry, &request);
  request.state = io_request::phase::in_kernel;
  ++in_flight_;
  assert(in_flight_ <= in_flight_max_);
  handed_to_kernel(&request);
}

void ring_service::reap() noexcept {
  unsigned head = 0;
  unsigned seen = 0;
  io_uring_cqe* entry = nullptr;
  io_uring_for_each_cqe(&ring_, head, entry) {
    ++seen;
    auto* request = static_cast<io_request*>(io_uring_cqe_get_data(entry));
    if (request == nullptr) continue;  // the answer to a cancellation
    returned_by_kernel(request);
    assert(request->state == io_request::phase::in_kernel);
    if (entry->res < 0 && goes_again(*request, entry->res)) {
      requeue(*request);
    } else {
      if (request->drops && entry->res > 0)
        drop_from_cache(request->fd, request->offset, static_cast<std::uint64_t>(entry->res));
      finish(*request, entry->res);
    }
  }
  io_uring_cq_advance(&ring_, seen);
  assert(seen <= in_flight_);
  in_flight_ -= seen;
}

// True if the answer says nothing of the file.
bool ring_service::goes_again(io_request& request, int result) noexcept {
  if (request.what != io_request::kind::read || shut_down_) return false;
  // Bounds the rounds: memory that is really bad gives the same answer every time.
  constexpr std::uint8_t rounds_max = 16;
  // The thread that submitted a read carries it on if it had to wait. If that thread has ended the
  // kernel answers with these errors, and another thread can retry; a read changes nothing.
  const bool orphaned = (result == -EFAULT || result == -ECANCELED) && !request.cancel_wanted;
  const bool wants_cache = result == -EOPNOTSUPP && request.once;
  drops_by_hand_ = drops_by_hand_ || wants_cache;
  return (orphaned || wants_cache) && ++request.rounds <= rounds_max;
}

void ring_service::requeue(io_request& request) noexcept {
  request.state = io_request::phase::queued;
  queued_.push_back(request);
  ++queued_count_;
}

// Blocks until the kernel has answered one more request. Under the lock: this runs only while a
// context is being destroyed.
void ring_service::await_kernel() noexcept {
  io_uring_cqe* entry = nullptr;
  if (!submit_filled()) {
    // The kernel has too little memory for the filled entries, and may have nothing to answer.
    std::this_thread::yield();
  } else if (in_flight_ != 0) {
    io_uring_wait_cqe(&ring_, &entry);
  }
  reap();
}

void ring_service::cancel(io_request& request) noexcept {
  if (forked()) return;
  const std::lock_guard hold(mutex_);
  if (shut_down_) return;  // it is about to be dropped
  if (request.state == io_request::phase::queued) {
    work_queue::erase(request);
    --queued_count_;
    finish(request, -ECANCELED);
    post_turns();
  } else if (request.state == io_request::phase::in_kernel && !request.cancel_wanted &&
             in_flight_ < in_flight_max_) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) return;  // it is only a wish
    request.cancel_wanted = true;
    io_uring_prep_cancel(entry, &request, 0);
    io_uring_sqe_set_data(entry, nullptr);
    ++in_flight_;
    post_turns();
  }
}

void ring_service::wait(io_request& request) noexcept {
  if (forked()) return;
  std::unique_lock hold(mutex_);
  while (request.state != io_request::phase::done) {
    if (request.state == io_request::phase::idle) {
      // Its owner is on the way to `start`, which needs the lock.
      hold.unlock();
      std::this_thread::yield();
      hold.lock();
      continue;
    }
    turn_bytes_ = 0;
    submit_queued();
    reap();
    if (request.state != io_request::phase::done) await_kernel();
  }
  if (!reaped_.empty() || may_submit()) post_turns();
}

// ---- ends

void ring_service::shutdown() {
  if (forked()) return;
  work_queue queued;
  work_queue dropped;
  {
    const std::lock_guard hold(mutex_);
    shut_down_ = true;
    if (!have_ring_) return;
    queued.splice(queued_);
    // Buffers belong to the kernel until it has answered.
    while (in_flight_ != 0) await_kernel();
    if (fixed_) fixed_->close();
    dropped.splice(reaped_);
    watched_in_child_.reset();
    std::error_code ignored;
    if (watch_) static_cast<void>(watch_->close(ignored));
  }
  while (!queued.empty()) drop_request(static_cast<io_request&>(queued.pop_front()));
  while (!dropped.empty()) dropped.pop_front().drop();
}

}  // namespace conduit::io
