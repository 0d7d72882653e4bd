// The known frames of one compressed file. This only grows: a frame never moves once a location in
// it was acknowledged.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "codec/frame_index.hpp"

namespace conduit::detail {

// For any thread. The writer adds to the frames of the mutable file, and every read of this store
// uses the same object.
class file_frames {
 public:
  std::uint64_t plain_size() const {
    const std::lock_guard hold(mutex_);
    return frames_.plain_size();
  }

  std::size_t count() const {
    const std::lock_guard hold(mutex_);
    return frames_.count();
  }

  // Appends the frames that hold any of the plain bytes [start, end) to `found`. False if some of
  // these bytes are not known.
  bool find(std::uint64_t start, std::uint64_t end, std::vector<codec::placed_frame>& found) const {
    const std::lock_guard hold(mutex_);
    if (end > frames_.plain_size()) return false;
    for (const codec::placed_frame frame : frames_.covering(start, end)) found.push_back(frame);
    return true;
  }

  // Adopts frames that were just read from the file, unless more frames are known already.
  void learn(codec::frame_index frames) {
    const std::lock_guard hold(mutex_);
    if (frames.count() > frames_.count()) frames_ = std::move(frames);
  }

  // Ensures that the next `append` of `count` frames cannot fail. Throws std::bad_alloc.
  void reserve(std::size_t count) {
    const std::lock_guard hold(mutex_);
    // At least doubles the capacity, or every append would copy all frames.
    if (frames_.count() + count > frames_.capacity()) frames_.reserve(2 * frames_.count() + count);
  }
  // Call it after the frames were written.
  void append(std::span<const codec::frame_sizes> written) {
    const std::lock_guard hold(mutex_);
    for (const codec::frame_sizes& frame : written) frames_.append(frame);
  }

  // For a table, and for callers that need all frames.
  codec::frame_index copy() const {
    const std::lock_guard hold(mutex_);
    return frames_;
  }

 private:
  mutable std::mutex mutex_;
  codec::frame_index frames_;
};

}  // namespace conduit::detail
