// What is known of the frames of one compressed file. It only grows: a frame never moves once a
// location in it was acknowledged.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "codec/frame_index.hpp"

namespace conduit::detail {

// For any thread. The writer adds to the frames of the mutable file, and every read of this store
// looks into the same object.
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

  // Appends the frames that hold any of the plain bytes [start, end) to `found`. False where not
  // all of these are known.
  bool find(std::uint64_t start, std::uint64_t end, std::vector<codec::placed_frame>& found) const {
    const std::lock_guard hold(mutex_);
    if (end > frames_.plain_size()) return false;
    for (const codec::placed_frame frame : frames_.covering(start, end)) found.push_back(frame);
    return true;
  }

  // What was read from the file, by whoever looked last; what is known already is not forgotten.
  void learn(codec::frame_index frames) {
    const std::lock_guard hold(mutex_);
    if (frames.count() > frames_.count()) frames_ = std::move(frames);
  }

  // So that the next `append` of so many cannot fail. Throws std::bad_alloc.
  void reserve(std::size_t count) {
    const std::lock_guard hold(mutex_);
    // Twice as many as there are, or every append would copy them all.
    if (frames_.count() + count > frames_.capacity()) frames_.reserve(2 * frames_.count() + count);
  }
  // After they were written.
  void append(std::span<const codec::frame_sizes> written) {
    const std::lock_guard hold(mutex_);
    for (const codec::frame_sizes& frame : written) frames_.append(frame);
  }

  // For a table, and for whoever looks at all of them.
  codec::frame_index copy() const {
    const std::lock_guard hold(mutex_);
    return frames_;
  }

 private:
  mutable std::mutex mutex_;
  codec::frame_index frames_;
};

}  // namespace conduit::detail
