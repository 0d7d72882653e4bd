// The progress of a gathered write. The one place that does the arithmetic of short writes: memory
// and offset advance together.
#pragma once

#include <algorithm>
#include <asio/buffer.hpp>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <sys/uio.h>
#include <vector>

namespace conduit::io {

class iov_cursor {
 public:
  // IOV_MAX of Linux: one write takes no more parts.
  static constexpr std::size_t parts_max = 1024;

  void begin(std::uint64_t offset) noexcept {
    parts_.clear();
    first_ = 0;
    bytes_left_ = 0;
    offset_ = offset;
  }
  void add(const asio::const_buffer& part) {
    if (part.size() == 0) return;
    parts_.push_back(
        {const_cast<void*>(part.data()), part.size()});  // writev's interface is not const-correct
    bytes_left_ += part.size();
  }

  bool done() const noexcept { return bytes_left_ == 0; }
  std::uint64_t bytes_left() const noexcept { return bytes_left_; }
  std::uint64_t offset() const noexcept { return offset_; }
  const iovec* parts() const noexcept { return parts_.data() + first_; }
  unsigned part_count() const noexcept {
    return static_cast<unsigned>(std::min(parts_.size() - first_, parts_max));
  }
  // One write takes all remaining parts.
  bool fits_one_write() const noexcept { return parts_.size() - first_ <= parts_max; }

  void advance(std::uint64_t bytes) noexcept {
    assert(bytes <= bytes_left_);
    offset_ += bytes;
    bytes_left_ -= bytes;
    while (bytes != 0) {
      iovec& part = parts_[first_];
      const std::uint64_t step = bytes < part.iov_len ? bytes : part.iov_len;
      part.iov_base = static_cast<char*>(part.iov_base) + step;
      part.iov_len -= step;
      bytes -= step;
      if (part.iov_len == 0) ++first_;
    }
  }

 private:
  std::vector<iovec> parts_;
  std::size_t first_ = 0;
  std::uint64_t bytes_left_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace conduit::io
