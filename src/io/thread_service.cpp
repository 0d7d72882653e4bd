#include "io/thread_service.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <thread>

#include "base/os_error.hpp"
#include "io/cached_read.hpp"
#include "io/deliver.hpp"
#include "io/read_once.hpp"

namespace conduit::io {

using detail::completion;
using detail::io_request;

asio::execution_context::id thread_service::id;

namespace {

std::int64_t perform(const io_request& request) noexcept {
  const auto offset = static_cast<off_t>(request.offset);
  std::int64_t result = 0;
  switch (request.what) {
    case io_request::kind::read:
      if (request.once) return read_once(request.fd, request.data, request.size, request.offset);
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

// True if the page cache has all of it.
bool read_at_once(io_request& request) noexcept {
  // The kernel would keep what it reads ahead even for such an attempt.
  if (request.what != io_request::kind::read || request.once) return false;
  const std::int64_t count = cached_read(request.fd, request.data, request.size, request.offset);
  if (count < 0 || static_cast<std::size_t>(count) < request.size) return false;
  request.result = count;
  return true;
}

detail::completion* first_of(work_queue& queue) noexcept {
  return queue.empty() ? nullptr : &queue.front();
}

}  // namespace

thread_service::thread_service(asio::execution_context& context)
    : service(context),
      port_(completion_port::of(static_cast<asio::io_context&>(context))),
      turns_(port_.context()) {}

thread_service& thread_service::of(asio::io_context& context) {
  return asio::use_service<thread_service>(context);
}

void thread_service::set_threads(unsigned count) noexcept {
  const std::lock_guard hold(mutex_);
  if (!pool_) threads_ = count;
}

void thread_service::start(io_request& request) {
  if (forked()) return;
  std::unique_lock hold(mutex_);
  if (shut_down_) {
    hold.unlock();  // dropped requests may re-enter here
    return drop_request(request);
  }
  request.state = io_request::phase::queued;
  queued_.push_back(request);
  ++queued_count_;
  change_pending(1);
  if (!turns_.any()) post_turns();
}

void thread_service::complete_later(io_request& request) {
  if (forked()) return;
  std::unique_lock hold(mutex_);
  if (shut_down_) {
    hold.unlock();  // dropped requests may re-enter here
    return drop_request(request);
  }
  request.state = io_request::phase::done;
  done_.push_back(request);
  ++done_count_;
  change_pending(1);
  if (!turns_.any()) post_turns();
}

// ---- one turn of the loop

void thread_service::post_turns() {
  turns_.post(queued_count_ + done_count_, [this] { turn(); });
}

void thread_service::turn() {
  if (forked()) return;
  std::unique_lock hold(mutex_);
  turns_.one_began();
  if (!queued_.empty()) serve_arrived(hold);
  if (done_count_ > 1) post_turns();
  complete_some(hold, done_, [this] {
    // Before the handler: the last handler must see an idle engine.
    change_pending(-1);
    if (--done_count_ + queued_count_ != 0 && !turns_.any()) post_turns();
  });
}

// Releases the lock while it reads.
void thread_service::serve_arrived(std::unique_lock<std::mutex>& hold) {
  work_queue share = take_arrived();
  if (!queued_.empty()) post_turns();
  hold.unlock();
  work_queue slow = take_slow(share);
  hold.lock();
  finish_all(share);
  while (!slow.empty()) {
    auto& request = static_cast<io_request&>(slow.pop_front());
    change_pending(-1);
    hand_to_pool(request);
  }
}

// Takes the share of one turn, which belongs to the loop until it is finished or handed to the
// pool.
work_queue thread_service::take_arrived() noexcept {
  // Other turns may follow before the loop looks at anything else.
  constexpr std::size_t bytes_max = bytes_a_turn / turns_ahead_max;
  std::size_t bytes = 0;
  std::size_t count = 0;
  completion* entry = first_of(queued_);
  for (; entry != nullptr && count < handlers_a_turn && bytes < bytes_max;
       entry = queued_.after(*entry), ++count) {
    auto& request = static_cast<io_request&>(*entry);
    if (request.state != io_request::phase::queued) continue;
    request.state = io_request::phase::in_kernel;
    bytes += request.what == io_request::kind::read ? request.size : 0;
  }
  work_queue share;
  share.splice_before(queued_, entry);
  queued_count_ -= count;
  return share;
}

// Reads the requests that the page cache can serve. Returns the rest, which must wait for the disk.
work_queue thread_service::take_slow(work_queue& share) noexcept {
  work_queue slow;
  for (completion* entry = first_of(share); entry != nullptr;) {
    auto& request = static_cast<io_request&>(*entry);
    entry = share.after(request);
    if (request.state == io_request::phase::done || read_at_once(request)) continue;
    work_queue::erase(request);
    slow.push_back(request);
  }
  return slow;
}

void thread_service::finish(io_request& request) noexcept {
  request.state = io_request::phase::done;
  tell_waiters();
}

void thread_service::finish_all(work_queue& requests) noexcept {
  for (completion* entry = first_of(requests); entry != nullptr; entry = requests.after(*entry)) {
    static_cast<io_request&>(*entry).state = io_request::phase::done;
    ++done_count_;
  }
  done_.splice(requests);
  tell_waiters();
}

void thread_service::tell_waiters() noexcept {
  if (waiters_ != 0) finished_->notify_all();
}

// ---- the pool

void thread_service::hand_to_pool(io_request& request) {
  request.state = io_request::phase::queued;
  if (request.cancel_wanted) {
    request.result = -ECANCELED;
    request.state = io_request::phase::done;
  }
  port_.send_away(request);
  waiting_.push_back(request);
  if (need_worker() && workers_ == 0) serve_without_thread(request);
}

std::error_code thread_service::need_worker() noexcept {
  if (workers_ == threads_) return {};
  try {
    if (!pool_) pool_.emplace(threads_);
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
  const std::error_code refused = pool_->post([this] { work(); });
  if (!refused) ++workers_;
  return refused;
}

// No thread can be started. A read may fail; a write or a sync must not, since a file whose write
// failed is never written again.
void thread_service::serve_without_thread(io_request& request) {
  work_queue::erase(request);
  if (request.state != io_request::phase::done && request.what == io_request::kind::read) {
    request.result = -EAGAIN;
  } else if (request.state != io_request::phase::done) {
    request.result = perform(request);
  }
  bring_home(request);
}

void thread_service::work() {
  std::unique_lock hold(mutex_);
  while (!waiting_.empty()) {
    auto& request = static_cast<io_request&>(waiting_.pop_front());
    const bool cancelled = request.state == io_request::phase::done;
    if (!cancelled) request.state = io_request::phase::in_kernel;
    hold.unlock();
    if (!cancelled) request.result = perform(request);
    hold.lock();
    bring_home(request);
  }
  --workers_;
}

// Under the lock, which the completion of the request does not need.
void thread_service::bring_home(io_request& request) {
  finish(request);
  port_.deliver(request);
}

// ---- from outside the loop

void thread_service::cancel(io_request& request) noexcept {
  if (forked()) return;
  const std::lock_guard hold(mutex_);
  if (request.state == io_request::phase::in_kernel) request.cancel_wanted = true;
  if (request.state != io_request::phase::queued) return;
  // Queued for the loop's turn or for the pool; either way nobody has touched the buffer.
  request.result = -ECANCELED;
  request.state = io_request::phase::done;
}

void thread_service::wait(io_request& request) noexcept {
  if (forked()) return;
  std::unique_lock hold(mutex_);
  while (request.state == io_request::phase::idle) {
    // Its owner is on the way to `start`, which needs the lock.
    hold.unlock();
    std::this_thread::yield();
    hold.lock();
  }
  if (request.state == io_request::phase::queued) {
    // The loop that would hand it to the pool may never turn again.
    for (completion* entry = first_of(queued_); entry != nullptr; entry = queued_.after(*entry)) {
      if (entry != &request) continue;
      work_queue::erase(request);
      --queued_count_;
      change_pending(-1);
      hand_to_pool(request);
      break;
    }
  }
  ++waiters_;
  finished_->wait(hold, [&] { return request.state == io_request::phase::done; });
  --waiters_;
}

void thread_service::shutdown() {
  if (forked()) return;
  work_queue dropped;
  {
    const std::lock_guard hold(mutex_);
    shut_down_ = true;
    dropped.splice(queued_);
    dropped.splice(done_);
    while (!waiting_.empty()) {
      auto& request = static_cast<io_request&>(waiting_.pop_front());
      port_.take_back(request);
      dropped.push_back(request);
    }
  }
  if (pool_) pool_->join();
  while (!dropped.empty()) drop_request(static_cast<io_request&>(dropped.pop_front()));
}

}  // namespace conduit::io
