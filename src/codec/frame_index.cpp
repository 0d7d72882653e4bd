#include "codec/frame_index.hpp"

#include <algorithm>
#include <cassert>

namespace conduit::codec {

placed_frame covering_frames::iterator::operator*() const noexcept { return (*frames_)[at_]; }

covering_frames::iterator& covering_frames::iterator::operator++() noexcept {
  do {
    ++at_;
  } while (at_ < frames_->count() && (*frames_)[at_].sizes.plain == 0);
  return *this;
}

bool covering_frames::iterator::at_end() const noexcept {
  return at_ >= frames_->count() || (*frames_)[at_].plain_start >= plain_end_;
}

placed_frame frame_index::operator[](std::size_t index) const noexcept {
  assert(index < ends_.size());
  const frame_end before = index == 0 ? frame_end{0, 0} : ends_[index - 1];
  const frame_end& end = ends_[index];
  return {before.stored,
          before.plain,
          {static_cast<std::uint32_t>(end.stored - before.stored),
           static_cast<std::uint32_t>(end.plain - before.plain)}};
}

covering_frames frame_index::covering(std::uint64_t start, std::uint64_t end) const noexcept {
  // The first frame that ends behind `start` has plain bytes: a frame without any ends where the
  // one before it does.
  const auto first =
      std::upper_bound(ends_.begin(), ends_.end(), start,
                       [](std::uint64_t offset, const frame_end& e) { return offset < e.plain; });
  const auto at = start < end ? static_cast<std::size_t>(first - ends_.begin()) : count();
  return covering_frames({*this, at, end});
}

}  // namespace conduit::codec
