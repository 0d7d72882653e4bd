// The operations that wait to be written, in order of arrival, bounded by bytes.
#pragma once

#include <conduit/detail/operations.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/intrusive_list.hpp"

namespace conduit::detail {

// For one thread at a time. It owns no operation.
class put_queue {
 public:
  // `bytes_max`: puts beyond it wait for room in front of the queue.
  explicit put_queue(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  // Admits an operation larger than the bound when nothing else is there.
  bool fits(std::uint64_t bytes) const noexcept {
    return waiting_.empty() && (bytes_ == 0 || bytes_ + bytes <= bytes_max_);
  }
  void push(queued_op& operation) noexcept;
  // The operations keep the room that they had when they were popped.
  void push_front(work_queue& operations) noexcept;

  bool empty() const noexcept { return queued_.empty(); }
  // Bytes of the operations that can be popped.
  std::uint64_t bytes() const noexcept { return bytes_ - popped_bytes_; }
  queued_op& front() noexcept { return static_cast<queued_op&>(queued_.front()); }
  // The operation keeps its room until `give_back`.
  queued_op& pop() noexcept;
  void give_back(std::uint64_t bytes) noexcept;
  // Removes an operation that is here: `phase::queued`, or `phase::waiting` for room.
  void remove(queued_op& operation) noexcept;

  // Moves the operations for which `leaves` is true to `into`.
  template <typename Condition>
  void remove_if(work_queue& into, Condition leaves) noexcept;

 private:
  void admit_waiting() noexcept;

  const std::size_t bytes_max_;
  work_queue waiting_;  // for room
  work_queue queued_;
  std::uint64_t bytes_ = 0;         // of the queue, and of operations popped and not given back
  std::uint64_t popped_bytes_ = 0;  // of the latter alone
};

template <typename Condition>
void put_queue::remove_if(work_queue& into, Condition leaves) noexcept {
  for (work_queue* list : {&queued_, &waiting_}) {
    work_queue kept;
    while (!list->empty()) {
      auto& operation = static_cast<queued_op&>(list->pop_front());
      if (!leaves(std::as_const(operation))) {
        kept.push_back(operation);
        continue;
      }
      if (operation.state != queued_op::phase::waiting) bytes_ -= operation.blob_bytes;
      into.push_back(operation);
    }
    list->splice(kept);
  }
  admit_waiting();
}

}  // namespace conduit::detail
