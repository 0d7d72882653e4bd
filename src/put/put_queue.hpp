// What waits to be written, in order of arrival: a bounded queue in front of the writer, and the
// operations the writer has in hand.
#pragma once

#include <atomic>
#include <condition_variable>
#include <conduit/detail/operations.hpp>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "base/intrusive_list.hpp"
#include "io/file_io.hpp"
#include "io/iov_cursor.hpp"
#include "put/frame_batch.hpp"

namespace conduit::detail {

class put_queue {
 public:
  // `bytes_max`: puts beyond it wait for room in front of the queue.
  put_queue(io::file_io& disk, std::size_t bytes_max) : disk_(disk), bytes_max_(bytes_max) {}

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

  // For the writer alone.

  // False where the queue is empty: the writer counts as ended then.
  bool has_work_or_end() noexcept;
  // Nothing waits to be begun, and nothing is encoded and waits for the lock.
  bool empty() noexcept;
  bool nothing_running() noexcept;
  bool next_is(queued_op::kind what) noexcept;
  // Begins the next operation where it is `close`: all before it has ended, and it needs no lock.
  bool take_close() noexcept;
  // What there is to know of an operation that is no append, and its results. The operation itself
  // may be revoked while it runs.
  struct job {
    queued_op::kind what = queued_op::kind::close;
    std::uint32_t number = 0;
    std::size_t count = 0;
    recovery_report recovered{};
  };
  // Begins the next operation where it is no append.
  std::optional<job> take_job() noexcept;
  // What puts go into one write.
  struct segment_limits {
    std::uint32_t file = 0;
    std::uint64_t end = 0;            // offset at which the file ends now
    std::uint64_t max_file_size = 0;  // no put begins at or beyond it
    std::size_t bytes = 0;            // of one batch
  };
  // Begins the next appends, up to the limits but at least one, and gives each its locations. Their
  // memory is read by this thread until `released` or `finish_running`. False if none is left.
  bool take_appends(const segment_limits& limits, io::iov_cursor& into);
  // The same for a compressed store, before the lock is taken: locations begin at 0, and nothing is
  // decided by the file. Until `place` the puts can still be cancelled, once `released` was called.
  // `into`, which is empty, gets the blobs.
  bool take_appends_to_encode(std::size_t bytes_max, plain_batch& into);
  // The encoded batch goes to `file`, behind `plain_end` plain bytes: from here on it will be
  // written. Its puts' own memory is needed no more. False where all were cancelled.
  bool place(std::uint32_t file, std::uint64_t plain_end) noexcept;
  // Those of the encoded batch that were cancelled while they were being encoded; the list is to be
  // delivered.
  work_queue take_cancelled() noexcept;
  // The encoded batch waits again, in front of all that came since: it is to be written otherwise.
  void requeue() noexcept;

  // Memory of running puts is read by the kernel, until the matching `released`. False: the memory
  // of a running put is gone, and the batch must fail.
  bool use_memory(io_request& in_kernel) noexcept;
  void released() noexcept;
  // Where a batch failed because memory of one put was gone before it was written: the others wait
  // again, in front of all that came since. False where that was not the reason.
  bool requeue_revoked() noexcept;
  // Ends all that is running, or all there is, with `error`; the list is to be delivered.
  work_queue finish_running(std::error_code error) noexcept;
  // The same for a job, which gets its results.
  work_queue finish_job(const job& done, std::error_code error) noexcept;
  work_queue fail_all(std::error_code error) noexcept;
  // Ends every append that has not been begun.
  work_queue fail_appends(std::error_code error) noexcept;
  // Ends everything but `close`, which needs none.
  work_queue fail_all_that_need_the_lock(std::error_code error) noexcept;
  // Withdraws all that has not been begun.
  work_queue withdraw_all() noexcept;

  std::uint64_t waits() const noexcept { return waits_.load(std::memory_order_relaxed); }

 private:
  bool fits(std::uint64_t bytes) const noexcept;
  void begin(queued_op& next) noexcept;
  void put_back_running() noexcept;
  void admit_waiting() noexcept;
  void remove(queued_op& operation) noexcept;
  void finish(work_queue& from, work_queue& into, std::error_code error) noexcept;
  template <typename Condition>
  void fail_waiting(work_queue& into, std::error_code error, Condition fails) noexcept;

  io::file_io& disk_;
  const std::size_t bytes_max_;
  std::atomic<std::uint64_t> waits_{0};

  std::mutex mutex_;
  std::condition_variable memory_free_;
  work_queue waiting_;  // for room
  work_queue queued_;
  work_queue running_;
  std::uint64_t bytes_ = 0;  // of queued and running puts
  bool writer_running_ = false;
  bool closed_ = false;
  bool memory_used_ = false;  // until `released`, by the writer's thread or the kernel
  io_request* in_kernel_ = nullptr;
  unsigned kernel_waiters_ = 0;  // in `revoke`, waiting for that request
  bool memory_revoked_ = false;
  bool encoding_ = false;  // what is running is not placed yet
  bool encoded_ = false;   // what is running needs its own memory no more
};

}  // namespace conduit::detail
