#include "put/pending_puts.hpp"

#include <asio/error.hpp>
#include <cassert>
#include <utility>

namespace conduit::detail {

using phase = queued_op::phase;
using state = batch::state;

bool pending_puts::has_room(std::uint64_t bytes) {
  const std::lock_guard hold(mutex_);
  return queue_.fits(bytes);
}

pending_puts::accepted pending_puts::push(queued_op& operation) {
  const std::lock_guard hold(mutex_);
  if (closed_) return accepted::no;
  closed_ = operation.what == queued_op::kind::close;
  if (!queue_.fits(operation.blob_bytes)) {
    if (!operation.may_wait) return accepted::busy;
    waits_.fetch_add(1, std::memory_order_relaxed);
  }
  assert(operation.state == phase::idle);
  queue_.push(operation);
  return std::exchange(writer_running_, true) ? accepted::yes : accepted::start_writer;
}

bool pending_puts::withdraw(queued_op& operation) noexcept {
  const std::lock_guard hold(mutex_);
  switch (operation.state) {
    case phase::waiting:
    case phase::queued:
      queue_.remove(operation);
      break;
    case phase::running:
      if (operation.what != queued_op::kind::append) return false;
      if (operation.in->now() != state::encoding && operation.in->now() != state::encoded)
        return false;
      if (!operation.in->cancel(operation)) return false;
      queue_.give_back(operation.blob_bytes);
      break;
    case phase::idle:
    case phase::done:
      return false;
  }
  operation.state = phase::done;
  return true;
}

bool pending_puts::memory_is_used(const queued_op& operation) const noexcept {
  return operation.in->now() == state::encoding || operation.in->now() == state::writing;
}

bool pending_puts::is_idle() const noexcept {
  return current_->now() == state::idle && next_->now() == state::idle;
}

bool pending_puts::is_job(const queued_op& operation) noexcept {
  return !job_.empty() && &job_.front() == &operation;
}

bool pending_puts::revoke(queued_op& operation) noexcept {
  std::unique_lock hold(mutex_);
  while (operation.state == phase::running && !is_job(operation) && memory_is_used(operation)) {
    if (in_kernel_ != nullptr && operation.in == current_) {
      io_request& request = *in_kernel_;
      ++kernel_waiters_;
      hold.unlock();
      disk_.wait(request);
      hold.lock();
      --kernel_waiters_;
      // The kernel is done; only the writer may go on with the request, and it calls `use_memory`
      // first.
      if (in_kernel_ == &request) {
        in_kernel_ = nullptr;
        current_->release();
      }
      memory_free_.notify_all();
    } else {
      memory_free_.wait(hold);  // for a system call of the writer's thread
    }
  }
  if (operation.state == phase::done || operation.state == phase::idle) return false;
  if (operation.state != phase::running) {
    queue_.remove(operation);
  } else {
    if (is_job(operation)) {
      work_queue::erase(operation);
    } else {
      operation.in->remove(operation);
    }
    queue_.give_back(operation.blob_bytes);
  }
  operation.state = phase::done;
  return true;
}

pending_puts::work pending_puts::next() noexcept {
  const std::lock_guard hold(mutex_);
  if (!is_idle()) return work::puts;
  if (queue_.empty()) return work::none;
  switch (queue_.front().what) {
    case queued_op::kind::append:
      return work::puts;
    case queued_op::kind::close:
      return work::close;
    default:
      return work::job;
  }
}

bool pending_puts::end_if_idle() noexcept {
  const std::lock_guard hold(mutex_);
  if (queue_.empty() && is_idle()) writer_running_ = false;
  return !writer_running_;
}

bool pending_puts::empty() noexcept {
  const std::lock_guard hold(mutex_);
  return queue_.empty() && !has_frames() && !has_next_batch();
}

std::uint64_t pending_puts::queued_bytes() noexcept {
  const std::lock_guard hold(mutex_);
  return queue_.bytes();
}

bool pending_puts::next_needs_no_lock() noexcept {
  const std::lock_guard hold(mutex_);
  return queue_.empty() || queue_.front().what == queued_op::kind::close;
}

bool pending_puts::next_is(queued_op::kind what) noexcept {
  const std::lock_guard hold(mutex_);
  return !queue_.empty() && queue_.front().what == what;
}

// ---- jobs

void pending_puts::begin_job() noexcept {
  assert(job_.empty());
  queued_op& next = queue_.pop();
  next.state = phase::running;
  job_.push_back(next);
}

bool pending_puts::take_close() noexcept {
  const std::lock_guard hold(mutex_);
  if (queue_.empty() || queue_.front().what != queued_op::kind::close) return false;
  begin_job();
  return true;
}

std::optional<pending_puts::job> pending_puts::take_job() noexcept {
  const std::lock_guard hold(mutex_);
  if (queue_.empty()) return std::nullopt;
  const queued_op& next = queue_.front();
  if (next.what == queued_op::kind::append || next.what == queued_op::kind::close)
    return std::nullopt;
  const job begun{next.what, next.number, next.count, {}};
  begin_job();
  return begun;
}

work_queue pending_puts::finish_job(const job& done, std::error_code error) noexcept {
  const std::lock_guard hold(mutex_);
  if (!job_.empty()) {
    auto& operation = static_cast<queued_op&>(job_.front());
    operation.number = done.number;
    operation.count = done.count;
    operation.recovered = done.recovered;
  }
  work_queue finished(std::move(job_));
  end(finished, error);
  return finished;
}

// ---- the batches

bool pending_puts::gather(const batch_limits& limits, io::iov_cursor& into) {
  const std::lock_guard hold(mutex_);
  assert(is_idle());
  current_->gather(queue_, limits, into);
  return current_->now() != state::idle;
}

void pending_puts::gather_to_encode(std::size_t bytes_max, plain_batch& into) {
  const std::lock_guard hold(mutex_);
  next_->gather_to_encode(queue_, bytes_max, into);
}

void pending_puts::encoded(batch& frames) noexcept {
  const std::lock_guard hold(mutex_);
  frames.release();
  memory_free_.notify_all();
}

void pending_puts::take_next_batch() noexcept {
  const std::lock_guard hold(mutex_);
  assert(current_->now() == state::idle);
  std::swap(current_, next_);
}

work_queue pending_puts::take_cancelled() noexcept {
  const std::lock_guard hold(mutex_);
  work_queue cancelled;
  current_->take_cancelled(queue_, cancelled);
  end(cancelled, asio::error::operation_aborted);
  return cancelled;
}

bool pending_puts::place(std::uint32_t file, std::uint64_t plain_end) noexcept {
  const std::lock_guard hold(mutex_);
  if (current_->now() == state::idle) return false;
  current_->place(file, plain_end);
  return true;
}

bool pending_puts::use_memory(io_request* in_kernel) noexcept {
  const std::lock_guard hold(mutex_);
  if (!current_->write()) return false;
  assert(in_kernel_ == nullptr);
  if (current_->now() == state::writing) in_kernel_ = in_kernel;
  return true;
}

void pending_puts::released() noexcept {
  std::unique_lock hold(mutex_);
  in_kernel_ = nullptr;
  current_->release();
  memory_free_.notify_all();
  // Another thread may still be looking at the request, which dies with the writer's next step. The
  // request is done, so this does not take long.
  memory_free_.wait(hold, [this] { return kernel_waiters_ == 0; });
}

bool pending_puts::kernel_has_answered() noexcept {
  const std::lock_guard hold(mutex_);
  return in_kernel_ == nullptr;
}

void pending_puts::requeue() noexcept {
  const std::lock_guard hold(mutex_);
  assert(!has_next_batch());
  current_->put_back(queue_);
}

bool pending_puts::requeue_revoked() noexcept {
  const std::lock_guard hold(mutex_);
  if (!current_->is_torn()) return false;
  current_->put_back(queue_);
  return true;
}

work_queue pending_puts::finish_batch(std::error_code error) noexcept {
  const std::lock_guard hold(mutex_);
  work_queue finished;
  end_batch(*current_, finished, error);
  return finished;
}

void pending_puts::end_batch(batch& which, work_queue& into, std::error_code error) noexcept {
  assert(in_kernel_ == nullptr || &which != current_);
  work_queue written;
  which.take_all(written);
  queue_.give_back(end(written, error));
  into.splice(written);
  memory_free_.notify_all();
}

// ---- failures

// Returns the bytes that the operations had.
std::uint64_t pending_puts::end(work_queue& operations, std::error_code error) noexcept {
  std::uint64_t bytes = 0;
  for (completion* entry = operations.empty() ? nullptr : &operations.front(); entry != nullptr;
       entry = operations.after(*entry)) {
    auto& operation = static_cast<queued_op&>(*entry);
    operation.state = phase::done;
    if (error) operation.error = error;
    bytes += operation.blob_bytes;
  }
  return bytes;
}

template <typename Condition>
void pending_puts::end_queued(work_queue& into, std::error_code error, Condition ends) noexcept {
  work_queue ended;
  queue_.remove_if(ended, ends);
  end(ended, error);
  into.splice(ended);
}

work_queue pending_puts::fail_all(std::error_code error) noexcept {
  const std::lock_guard hold(mutex_);
  work_queue finished(std::move(job_));
  end(finished, error);
  for (batch* one : {current_, next_}) end_batch(*one, finished, error);
  end_queued(finished, error, [](const queued_op&) { return true; });
  writer_running_ = false;
  return finished;
}

work_queue pending_puts::fail_appends(std::error_code error) noexcept {
  const std::lock_guard hold(mutex_);
  work_queue failed;
  bool reached_job = false;
  end_queued(failed, error, [&reached_job](const queued_op& one) {
    reached_job = reached_job || one.what != queued_op::kind::append;
    return !reached_job;
  });
  return failed;
}

work_queue pending_puts::fail_all_that_need_the_lock(std::error_code error) noexcept {
  const std::lock_guard hold(mutex_);
  work_queue failed;
  assert(!has_next_batch());
  end_batch(*current_, failed, error);
  end_queued(failed, error,
             [](const queued_op& one) { return one.what != queued_op::kind::close; });
  return failed;
}

work_queue pending_puts::withdraw_all() noexcept {
  const std::lock_guard hold(mutex_);
  const std::error_code aborted = asio::error::operation_aborted;
  work_queue withdrawn;
  for (batch* one : {current_, next_}) {
    if (one->now() == state::encoded) end_batch(*one, withdrawn, aborted);
    if (one->now() == state::encoding) one->cancel_all();
  }
  end_queued(withdrawn, aborted, [](const queued_op&) { return true; });
  return withdrawn;
}

}  // namespace conduit::detail
