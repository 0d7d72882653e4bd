// The positions of the frames of one compressed file, and the search for frames that hold a range
// of its plain bytes. Values only: seek_table.hpp describes their table in a file.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

namespace conduit::codec {

// One frame: its bytes on disk, header and checksum included, and its decoded bytes. Both are 32
// bits wide in a seek table.
struct frame_sizes {
  std::uint32_t stored = 0;
  std::uint32_t plain = 0;  // 0 for a skippable frame and for an empty one

  friend bool operator==(const frame_sizes&, const frame_sizes&) = default;
};

struct placed_frame {
  std::uint64_t stored_start = 0;  // offset in the file
  std::uint64_t plain_start = 0;   // offset among the file's plain bytes
  frame_sizes sizes;

  std::uint64_t stored_end() const noexcept { return stored_start + sizes.stored; }
  std::uint64_t plain_end() const noexcept { return plain_start + sizes.plain; }

  friend bool operator==(const placed_frame&, const placed_frame&) = default;
};

class frame_index;

// The frames that hold a range of plain bytes, in order, as a range for `for`. It refers to the
// index, which must outlive it unchanged.
class covering_frames {
 public:
  class iterator {
   public:
    iterator(const frame_index& frames, std::size_t at, std::uint64_t plain_end) noexcept
        : frames_(&frames), at_(at), plain_end_(plain_end) {}

    placed_frame operator*() const noexcept;
    iterator& operator++() noexcept;
    bool at_end() const noexcept;

    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept {
      return it.at_end();
    }

   private:
    const frame_index* frames_;
    std::size_t at_;
    std::uint64_t plain_end_;
  };

  explicit covering_frames(iterator first) noexcept : first_(first) {}
  iterator begin() const noexcept { return first_; }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  iterator first_;
};

// All frames of a file in order: frame 0 starts at offset 0, each later one at the end of the one
// before. 16 bytes a frame. Offsets cannot overflow: 2^32 - 1 frames, more than a table can name,
// of 2^32 - 1 bytes each are fewer than 2^64 bytes.
class frame_index {
 public:
  // These two throw std::bad_alloc and then leave the index as it was.
  void reserve(std::size_t count) { ends_.reserve(count); }
  std::size_t capacity() const noexcept { return ends_.capacity(); }
  void append(frame_sizes frame) {
    ends_.push_back({stored_size() + frame.stored, plain_size() + frame.plain});
    assert(ends_.back().stored >= frame.stored && ends_.back().plain >= frame.plain);
  }

  std::size_t count() const noexcept { return ends_.size(); }
  std::uint64_t stored_size() const noexcept { return ends_.empty() ? 0 : ends_.back().stored; }
  std::uint64_t plain_size() const noexcept { return ends_.empty() ? 0 : ends_.back().plain; }

  // `index` must be below `count()`.
  placed_frame operator[](std::size_t index) const noexcept;

  // The frames that hold any of the plain bytes [start, end), found by binary search; never a frame
  // without plain bytes. No frame holds bytes beyond `plain_size()`.
  covering_frames covering(std::uint64_t start, std::uint64_t end) const noexcept;

  friend bool operator==(const frame_index&, const frame_index&) = default;

 private:
  struct frame_end {
    std::uint64_t stored;
    std::uint64_t plain;

    friend bool operator==(const frame_end&, const frame_end&) = default;
  };

  std::vector<frame_end> ends_;
};

}  // namespace conduit::codec
