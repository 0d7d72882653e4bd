// The puts that are written together, from the queue to their end. Whose memory is read when, and
// who may still leave, is one state.
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

// What puts go into one write.
struct batch_limits {
  std::uint32_t file = 0;
  std::uint64_t end = 0;            // offset at which the file ends now
  std::uint64_t max_file_size = 0;  // no put begins at or beyond it
  std::size_t bytes = 0;            // of one batch
};

// For one thread at a time, but for `now`.
class batch {
 public:
  enum class state : std::uint8_t {
    idle,      // it has no puts
    encoding,  // their memory is read; a put that is cancelled leaves at the end of it
    encoded,   // its frames wait for the lock; a put that is cancelled leaves at once
    placed,    // its puts have their locations; nobody reads their memory at this moment
    writing    // their memory is read, by the writer's thread or by the kernel
  };
  // Changed by whoever has the batch, under the lock of the pending puts.
  state now() const noexcept { return state_.load(std::memory_order_relaxed); }

  // Takes the next puts, up to the limits but at least one, and gives each its locations.
  // idle -> writing, or idle where there is none.
  void gather(put_queue& from, const batch_limits& limits, io::iov_cursor& into);
  // The same for frames: locations begin at 0. `into`, which is empty, gets the blobs. Throws
  // std::bad_alloc: what was taken is here. idle -> encoding, or idle.
  void gather_to_encode(put_queue& from, std::size_t bytes_max, plain_batch& into);

  // The memory of the puts is free: encoding -> encoded, writing -> placed; else nothing.
  void release() noexcept;
  // placed, writing -> writing. False: a put has left, whose memory the write needs. Frames need
  // none.
  bool write() noexcept;
  // The frames go to `file`, behind `plain_end` plain bytes. encoded -> placed.
  void place(std::uint32_t file, std::uint64_t plain_end) noexcept;

  // While it is encoding, or encoded: asks a put to leave. False: it does so later.
  bool cancel(queued_op& put) noexcept;
  // The same for all, while it is encoding.
  void cancel_all() noexcept;
  // Moves those to `into` that were asked to leave.
  void take_cancelled(put_queue& room, work_queue& into) noexcept;
  // Takes out one whose memory is not read. Without it, what is placed and has no frames must fail.
  void remove(queued_op& put) noexcept;
  // A put has left that was placed: the others were not written.
  bool is_torn() const noexcept { return torn_; }

  // All others wait again, in front of all that came since. -> idle.
  void put_back(put_queue& into) noexcept;
  // All puts leave. -> idle.
  void take_all(work_queue& into) noexcept;

 private:
  void enter(state next) noexcept;
  void take(put_queue& from) noexcept;
  void leave_if_empty() noexcept;

  work_queue puts_;
  std::atomic<state> state_{state::idle};  // written by `enter` alone
  bool has_frames_ = false;                // it is written from memory of its own; set by `gather`
  bool torn_ = false;                      // set by `remove`, taken back by `gather`
};

}  // namespace conduit::detail
