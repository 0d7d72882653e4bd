// The yardstick of the asynchronous reads: a liburing loop that does nothing else. One ring, one
// descriptor, `depth` reads in flight; each completion is answered by the next read, and one system
// call submits all of them and waits.
#pragma once

#include <liburing.h>

#include <cstdint>

#include "workload.hpp"

namespace conduit::bench {

class bare_ring {
 public:
  bare_ring(int fd, unsigned depth) : fd_(fd), depth_(depth), memory_(depth) {
    errno = -io_uring_queue_init(depth, &ring_, 0);
    require(errno == 0, "io_uring_queue_init");
  }
  bare_ring(const bare_ring&) = delete;
  bare_ring& operator=(const bare_ring&) = delete;
  ~bare_ring() { io_uring_queue_exit(&ring_); }

  void read(access_pattern& pattern, stint& time) {
    for (unsigned slot = 0; slot < depth_; ++slot) prepare(slot, pattern.next());
    for (unsigned in_flight = depth_; in_flight != 0;) {
      io_uring_submit_and_wait(&ring_, 1);
      unsigned head = 0;
      unsigned seen = 0;
      io_uring_cqe* entry = nullptr;
      io_uring_for_each_cqe(&ring_, head, entry) {
        ++seen;
        errno = entry->res < 0 ? -entry->res : EIO;
        require(entry->res == static_cast<int>(block_bytes), "read through a bare ring");
        if (time.next()) {
          prepare(static_cast<unsigned>(entry->user_data), pattern.next());
        } else {
          --in_flight;
        }
      }
      io_uring_cq_advance(&ring_, seen);
    }
  }

 private:
  void prepare(unsigned slot, std::uint64_t offset) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    io_uring_prep_read(entry, fd_, memory_.at(slot), block_bytes, offset);
    entry->user_data = slot;
  }

  int fd_;
  unsigned depth_;
  block_memory memory_;
  io_uring ring_{};
};

}  // namespace conduit::bench
