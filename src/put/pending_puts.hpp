// What a store has to write: the queue, the batch that the writer has in hand, and the job, for any
// thread. One lock says which of them an operation is in.
#pragma once

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

  // Whether a put of so many bytes would not have to wait at this moment.
  bool has_room(std::uint64_t bytes);
  // `start_writer`: it is not running. `busy`: there is no room, and the operation does not wait.
  // Behind `close` nothing is accepted.
  enum class accepted { no, busy, yes, start_writer };
  accepted push(queued_op& operation);
  // Takes the operation out where it has not been begun. One that is being encoded is taken out
  // later, by `take_cancelled`.
  bool withdraw(queued_op& operation) noexcept;
  // The same, but waits until a running one's memory is free and takes that one too. False: it is
  // finished and on its way.
  bool revoke(queued_op& operation) noexcept;
  std::uint64_t waits() const noexcept { return waits_.load(std::memory_order_relaxed); }

  // For the writer alone. Lists that are returned are to be delivered.

  // False where there is nothing to do: the writer counts as ended then.
  bool has_work_or_end() noexcept;
  // Nothing waits to be begun, and nothing is encoded and waits for the lock.
  bool empty() noexcept;
  // The next operation is none that needs the lock: it is `close`, or there is none.
  bool next_needs_no_lock() noexcept;
  bool next_is(queued_op::kind what) noexcept;
  // Frames wait for the lock.
  bool has_frames() const noexcept { return batch_.now() == batch::state::encoded; }

  // ---- jobs

  // What there is to know of an operation that is no append, and its results. The operation itself
  // may be revoked while it runs.
  struct job {
    queued_op::kind what = queued_op::kind::close;
    std::uint32_t number = 0;
    std::size_t count = 0;
    recovery_report recovered{};
  };
  // Begins the next operation where it needs the lock and is no append.
  std::optional<job> take_job() noexcept;
  bool take_close() noexcept;
  work_queue finish_job(const job& done, std::error_code error) noexcept;

  // ---- the batch

  // False where there is nothing to append. The memory of the puts is in use, until `released`.
  bool gather(const batch_limits& limits, io::iov_cursor& into);
  // The same for frames. Until `place` the puts can still be cancelled.
  bool gather_to_encode(std::size_t bytes_max, plain_batch& into);
  // Those that were cancelled while they were being encoded.
  work_queue take_cancelled() noexcept;
  // False where all were cancelled.
  bool place(std::uint32_t file, std::uint64_t plain_end) noexcept;
  // The kernel reads the memory of the puts. False: some of it is gone, and the batch must fail.
  bool use_memory(io_request& in_kernel) noexcept;
  void released() noexcept;
  // For assertions: the kernel has answered, as it must have before the lock is given up.
  bool kernel_has_answered() noexcept;
  // The batch waits again, in front of all that came since: it is to be written otherwise.
  void requeue() noexcept;
  // The same where the batch failed because memory of one put was gone before it was written. False
  // where that was not the reason.
  bool requeue_revoked() noexcept;
  work_queue finish_batch(std::error_code error) noexcept;

  // ---- failures

  // Ends all there is. The writer counts as ended.
  work_queue fail_all(std::error_code error) noexcept;
  // Ends every append that has not been begun.
  work_queue fail_appends(std::error_code error) noexcept;
  // Ends everything but `close`, which needs none.
  work_queue fail_all_that_need_the_lock(std::error_code error) noexcept;
  // Withdraws all that has not been begun.
  work_queue withdraw_all() noexcept;

 private:
  // All of these under the lock.
  bool memory_is_used() const noexcept;
  bool is_job(const queued_op& operation) noexcept;
  void begin_job() noexcept;
  std::uint64_t end(work_queue& operations, std::error_code error) noexcept;
  void end_batch(work_queue& into, std::error_code error) noexcept;
  template <typename Condition>
  void end_queued(work_queue& into, std::error_code error, Condition ends) noexcept;

  io::file_io& disk_;
  std::atomic<std::uint64_t> waits_{0};  // whoever pushes counts, any thread reads

  std::mutex mutex_;  // guards all below
  std::condition_variable memory_free_;
  put_queue queue_;
  batch batch_;
  work_queue job_;                   // one at most
  bool writer_running_ = false;      // set by `push`, taken back by the writer
  bool closed_ = false;              // `close` was pushed
  io_request* in_kernel_ = nullptr;  // reads the memory of the batch
  unsigned kernel_waiters_ = 0;      // in `revoke`, waiting for that request
};

}  // namespace conduit::detail
