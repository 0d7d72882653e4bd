// The operations that a store has to write: the queue, the writer's batch, and the job, for any
// thread. One lock guards which of them an operation is in.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <conduit/detail/operations.hpp>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/intrusive_list.hpp"
#include "io/file_io.hpp"
#include "io/iov_cursor.hpp"
#include "put/batch.hpp"
#include "put/frame_batch.hpp"
#include "put/put_queue.hpp"

namespace conduit::detail {

class pending_puts {
 public:
  // `bytes_max`: puts beyond it wait for room in front of the queue.
  pending_puts(io::file_io& disk, std::size_t bytes_max) : disk_(disk), queue_(bytes_max) {}

  // True if a put of `bytes` would not have to wait now.
  bool has_room(std::uint64_t bytes);
  // `start_writer`: the writer is not running. `busy`: there is no room, and the operation does not
  // wait. After `close` nothing is accepted.
  enum class accepted { no, busy, yes, start_writer };
  accepted push(queued_op& operation);
  // Takes out an operation that has not begun. One that is being encoded leaves later, through
  // `take_cancelled`.
  bool withdraw(queued_op& operation) noexcept;
  // The same, but waits until a running operation's memory is free and takes that one out too.
  // False: it is finished and on its way.
  bool revoke(queued_op& operation) noexcept;
  std::uint64_t waits() const noexcept { return waits_.load(std::memory_order_relaxed); }

  // For the writer alone. The caller delivers the lists that are returned.

  // The next thing to do, which the writer has not begun.
  enum class work { none, puts, job, close };
  work next() noexcept;
  // True if there is nothing to do: the writer then counts as ended.
  bool end_if_idle() noexcept;
  // Nothing waits to begin, is being encoded, or waits for the lock as frames.
  bool empty() noexcept;
  // The next operation needs no lock: it is `close`, or there is none.
  bool next_needs_no_lock() noexcept;
  bool next_is(queued_op::kind what) noexcept;
  // Frames wait for the lock.
  bool has_frames() const noexcept { return current_->now() == batch::state::encoded; }
  // The batch behind the current one has puts; they are being encoded, or wait as frames.
  bool has_next_batch() const noexcept { return next_->now() != batch::state::idle; }
  batch& next_batch() noexcept { return *next_; }
  // Bytes of the puts that have not begun.
  std::uint64_t queued_bytes() noexcept;

  // ---- jobs

  // The parameters and results of an operation that is no append. The operation itself may be
  // revoked while it runs.
  struct job {
    queued_op::kind what = queued_op::kind::close;
    std::uint32_t number = 0;
    std::size_t count = 0;
    recovery_report recovered{};
  };
  // Begins the next operation if it needs the lock and is no append.
  std::optional<job> take_job() noexcept;
  bool take_close() noexcept;
  work_queue finish_job(const job& done, std::error_code error) noexcept;

  // ---- the batches: the current one, and one that is encoded meanwhile

  // False if there is nothing to append. The memory of the puts is in use until `released`.
  bool gather(const batch_limits& limits, io::iov_cursor& into);
  // The same for frames, which the next batch gathers. Until `place` the puts can still be
  // cancelled. Their memory is in use until `encoded`. Throws std::bad_alloc: then the batch has a
  // part of the puts.
  void gather_to_encode(std::size_t bytes_max, plain_batch& into);
  // On any thread: nobody reads the memory of its puts any more.
  void encoded(batch& frames) noexcept;
  // The next batch becomes the current one, which must have no puts.
  void take_next_batch() noexcept;
  // The puts that were cancelled while they were being encoded.
  work_queue take_cancelled() noexcept;
  // False if all were cancelled.
  bool place(std::uint32_t file, std::uint64_t plain_end) noexcept;
  // The kernel begins to read the memory of the puts, for a request or, if it is null, for a system
  // call of the writer's thread. False: some of it is gone; the batch must fail.
  bool use_memory(io_request* in_kernel) noexcept;
  void released() noexcept;
  // For assertions: the kernel has answered, as it must have before the lock is released.
  bool kernel_has_answered() noexcept;
  // The batch waits again, ahead of all newer operations: it has to be written in the other form.
  void requeue() noexcept;
  // The same if the batch failed because the memory of one put was gone before the write. False if
  // that was not the reason.
  bool requeue_revoked() noexcept;
  work_queue finish_batch(std::error_code error) noexcept;

  // ---- failures

  // Ends all operations. The writer counts as ended.
  work_queue fail_all(std::error_code error) noexcept;
  // Ends the appends that have not been begun, up to the next job: a deletion may make room.
  work_queue fail_appends(std::error_code error) noexcept;
  // Ends everything except `close`, which needs no lock.
  work_queue fail_all_that_need_the_lock(std::error_code error) noexcept;
  // Withdraws all operations that have not begun.
  work_queue withdraw_all() noexcept;

 private:
  // All of these run under the lock.
  bool memory_is_used(const queued_op& operation) const noexcept;
  bool is_idle() const noexcept;
  bool is_job(const queued_op& operation) noexcept;
  void begin_job() noexcept;
  std::uint64_t end(work_queue& operations, std::error_code error) noexcept;
  void end_batch(batch& which, work_queue& into, std::error_code error) noexcept;
  template <typename Condition>
  void end_queued(work_queue& into, std::error_code error, Condition ends) noexcept;

  io::file_io& disk_;
  std::atomic<std::uint64_t> waits_{0};  // callers of `push` count, any thread reads

  std::mutex mutex_;  // guards all below
  std::condition_variable memory_free_;
  put_queue queue_;
  std::array<batch, 2> batches_;
  batch* current_ = &batches_.front();  // only the writer swaps the two
  batch* next_ = &batches_.back();
  work_queue job_;                   // one at most
  bool writer_running_ = false;      // set by `push`, cleared by the writer
  bool closed_ = false;              // `close` was pushed
  io_request* in_kernel_ = nullptr;  // reads the memory of the batch
  unsigned kernel_waiters_ = 0;      // in `revoke`, waiting for that request
};

}  // namespace conduit::detail
