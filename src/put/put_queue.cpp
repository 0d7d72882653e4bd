#include "put/put_queue.hpp"

#include <cassert>

namespace conduit::detail {

using phase = queued_op::phase;

void put_queue::push(queued_op& operation) noexcept {
  if (!fits(operation.blob_bytes)) {
    operation.state = phase::waiting;
    return waiting_.push_back(operation);
  }
  operation.state = phase::queued;
  bytes_ += operation.blob_bytes;
  queued_.push_back(operation);
}

void put_queue::push_front(work_queue& operations) noexcept {
  for (completion* entry = operations.empty() ? nullptr : &operations.front(); entry != nullptr;
       entry = operations.after(*entry)) {
    auto& operation = *static_cast<queued_op*>(entry);
    operation.state = phase::queued;
    popped_bytes_ -= operation.blob_bytes;
  }
  operations.splice(queued_);
  queued_.splice(operations);
}

queued_op& put_queue::pop() noexcept {
  auto& operation = static_cast<queued_op&>(queued_.pop_front());
  popped_bytes_ += operation.blob_bytes;
  return operation;
}

void put_queue::give_back(std::uint64_t bytes) noexcept {
  assert(bytes <= popped_bytes_);
  popped_bytes_ -= bytes;
  bytes_ -= bytes;
  admit_waiting();
}

void put_queue::remove(queued_op& operation) noexcept {
  assert(operation.state == phase::queued || operation.state == phase::waiting);
  work_queue::erase(operation);
  if (operation.state == phase::queued) bytes_ -= operation.blob_bytes;
  admit_waiting();
}

void put_queue::admit_waiting() noexcept {
  while (!waiting_.empty()) {
    auto& next = static_cast<queued_op&>(waiting_.front());
    if (bytes_ != 0 && bytes_ + next.blob_bytes > bytes_max_) return;
    work_queue::erase(next);
    next.state = phase::queued;
    bytes_ += next.blob_bytes;
    queued_.push_back(next);
  }
}

}  // namespace conduit::detail
