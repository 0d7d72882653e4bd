#include "store/seal_queue.hpp"

namespace conduit::detail {

void seal_queue::file_sealed() noexcept {
  const std::lock_guard hold(mutex_);
  sealed_ = true;
  changed_.notify_all();
}

void seal_queue::close() {
  std::unique_lock hold(mutex_);
  closed_ = true;
  changed_.wait(hold, [this] { return requests_.empty() && !busy_; });
}

bool seal_queue::push(compress_op& request) {
  const std::lock_guard hold(mutex_);
  if (closed_) return false;
  requests_.push_back(request);
  request.waiting = true;
  changed_.notify_all();
  return true;
}

bool seal_queue::withdraw(compress_op& request) noexcept {
  const std::lock_guard hold(mutex_);
  if (!request.waiting) return false;
  work_queue::erase(request);
  request.waiting = false;
  changed_.notify_all();
  return true;
}

work_queue seal_queue::withdraw_all() noexcept {
  const std::lock_guard hold(mutex_);
  work_queue withdrawn;
  while (!requests_.empty()) {
    auto& request = static_cast<compress_op&>(requests_.pop_front());
    request.waiting = false;
    withdrawn.push_back(request);
  }
  changed_.notify_all();
  return withdrawn;
}

seal_queue::task seal_queue::next(compress_op*& request, std::chrono::milliseconds patience) {
  std::unique_lock hold(mutex_);
  busy_ = false;
  changed_.notify_all();
  changed_.wait_for(hold, patience, [this] { return stopping_ || sealed_ || !requests_.empty(); });
  if (stopping_) return task::end;
  busy_ = true;
  if (!requests_.empty()) {
    request = static_cast<compress_op*>(&requests_.pop_front());
    request->waiting = false;
    return task::request;
  }
  sealed_ = false;
  return task::look;
}

void seal_queue::stop() noexcept {
  const std::lock_guard hold(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

}  // namespace conduit::detail
