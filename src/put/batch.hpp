// The puts that are written together, from the queue to their end. One state says whose memory is
// read when, and which puts may still leave.
#pragma once

#include <atomic>
#include <conduit/detail/operations.hpp>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "base/intrusive_list.hpp"
#include "io/iov_cursor.hpp"
#include "put/frame_batch.hpp"
#include "put/put_queue.hpp"

namespace conduit::detail {

// The limits of one write.
struct batch_limits {
  std::uint32_t file = 0;
  std::uint64_t end = 0;            // offset at which the file ends now
  std::uint64_t max_file_size = 0;  // no put begins at or beyond it
  std::size_t bytes = 0;            // of one batch
};

// For one thread at a time, except `now`.
class batch {
 public:
  enum class state : std::uint8_t {
    idle,      // it has no puts
    encoding,  // their memory is read; a cancelled put leaves when encoding ends
    encoded,   // its frames wait for the lock; a cancelled put leaves at once
    placed,    // its puts have their locations; nobody reads their memory at this moment
    writing    // their memory is read, by the writer's thread or by the kernel
  };
  // Only the owner of the batch changes it, under the lock of the pending puts.
  state now() const noexcept { return state_.load(std::memory_order_relaxed); }

  // Takes the next puts, up to the limits but at least one, and gives each its locations. idle ->
  // writing, or idle if there are none.
  void gather(put_queue& from, const batch_limits& limits, io::iov_cursor& into);
  // The same for frames: locations begin at 0. `into` must be empty and receives the blobs. Throws
  // std::bad_alloc: the puts taken so far stay here. idle -> encoding, or idle.
  void gather_to_encode(put_queue& from, std::size_t bytes_max, plain_batch& into);

  // The memory of the puts is free: encoding -> encoded, writing -> placed; otherwise no change.
  void release() noexcept;
  // placed, writing -> writing. False: a put has left whose memory the write needs. Frames need
  // none.
  bool write() noexcept;
  // The frames go to `file`, behind `plain_end` plain bytes. encoded -> placed.
  void place(std::uint32_t file, std::uint64_t plain_end) noexcept;

  // While encoding or encoded: asks a put to leave. False: it leaves later.
  bool cancel(queued_op& put) noexcept;
  // The same for all puts, while encoding.
  void cancel_all() noexcept;
  // Moves the puts that were asked to leave to `into`.
  void take_cancelled(put_queue& room, work_queue& into) noexcept;
  // Removes a put whose memory is not read. A placed batch without frames must then fail.
  void remove(queued_op& put) noexcept;
  // A placed put has left: the others were not written.
  bool is_torn() const noexcept { return torn_; }

  // All other puts wait again, ahead of all newer ones. -> idle.
  void put_back(put_queue& into) noexcept;
  // All puts leave. -> idle.
  void take_all(work_queue& into) noexcept;

 private:
  void enter(state next) noexcept;
  void take(put_queue& from) noexcept;
  void leave_if_empty() noexcept;

  work_queue puts_;
  std::atomic<state> state_{state::idle};  // written by `enter` alone
  bool has_frames_ = false;                // the write reads frames, not the puts; set by `gather`
  bool torn_ = false;                      // set by `remove`, cleared by `gather`
};

}  // namespace conduit::detail
