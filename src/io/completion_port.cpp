#include "io/completion_port.hpp"

#include "io/deliver.hpp"

namespace conduit::io {

asio::execution_context::id completion_port::id;

completion_port::completion_port(asio::execution_context& context)
    : service(context), context_(static_cast<asio::io_context&>(context)), turns_(context_) {}

completion_port& completion_port::of(asio::io_context& context) {
  return asio::use_service<completion_port>(context);
}

void completion_port::send_away(detail::completion& operation) {
  const std::lock_guard hold(mutex_);
  if (away_.empty() && !shut_down_) work_.emplace(context_.get_executor());
  away_.push_back(operation);
}

void completion_port::leave(detail::completion& operation) noexcept {
  away_queue::erase(operation);
  if (away_.empty()) work_.reset();
}

std::size_t completion_port::leave_all(work_queue& operations) noexcept {
  std::size_t count = 0;
  for (detail::completion* entry = operations.empty() ? nullptr : &operations.front();
       entry != nullptr; entry = operations.after(*entry), ++count) {
    away_queue::erase(*entry);
  }
  if (away_.empty()) work_.reset();
  return count;
}

void completion_port::deliver(detail::completion& operation) {
  const std::lock_guard hold(mutex_);
  arrived_.push_back(operation);
  ++arrived_count_;
  if (shut_down_) {
    leave(operation);
    arrival_->notify_all();
    return;
  }
  post_turns();
  // Only after a handler was posted: the context may have no other work.
  leave(operation);
}

void completion_port::deliver_all(work_queue& operations) {
  const std::lock_guard hold(mutex_);
  if (!shut_down_) post_turns();
  arrived_count_ += leave_all(operations);
  arrived_.splice(operations);
  if (shut_down_) arrival_->notify_all();
}

void completion_port::post_turns() {
  turns_.post(arrived_count_, [this] { turn(); });
}

void completion_port::take_back(detail::completion& operation) noexcept {
  const std::lock_guard hold(mutex_);
  away_queue::erase(operation);
  if (!away_.empty()) return;
  // This may be all the work that the context has, outside of `run` too. Without it Asio would stop
  // the context, and never run the handler that the caller is about to post.
  if (!shut_down_) post_turns();
  work_.reset();
}

void completion_port::take_back_all(work_queue& operations) noexcept {
  const std::lock_guard hold(mutex_);
  leave_all(operations);
}

void completion_port::turn() {
  // Operations that arrived before the fork are completed by the parent.
  if (forked()) return;
  std::unique_lock hold(mutex_);
  turns_.one_began();
  if (arrived_count_ > 1) post_turns();
  complete_some(hold, arrived_, [this] {
    if (--arrived_count_ != 0 && !turns_.any()) post_turns();
  });
}

void completion_port::shutdown() {
  if (forked()) return work_.reset();
  std::unique_lock hold(mutex_);
  shut_down_.store(true, std::memory_order_relaxed);
  while (!away_.empty()) {
    detail::completion& operation = away_.front();
    hold.unlock();
    // Outside the lock: the thread that has the operation may be waiting for this lock, to deliver
    // it.
    const bool taken = operation.revoke();
    hold.lock();
    if (taken) {
      leave(operation);
      arrived_.push_back(operation);
    } else {
      arrival_->wait(hold, [&] { return away_.empty() || &away_.front() != &operation; });
    }
  }
  work_queue batch;
  batch.splice(arrived_);
  work_.reset();
  hold.unlock();
  while (!batch.empty()) batch.pop_front().drop();
}

}  // namespace conduit::io
