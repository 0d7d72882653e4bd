// A part of a blob, in bytes from the blob's first byte.
#pragma once

#include <cstdint>
#include <limits>

namespace conduit {

// Bytes [start, end) of a blob; a default slice is the whole blob, and `{a, a}` is empty. A slice
// that ends before it starts or reaches past the blob is `errc::out_of_range`; it is never
// shortened.
struct slice {
  // The blob's end, wherever that is. No blob is so long that its end is this number.
  static constexpr std::uint64_t to_end = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t start = 0;
  std::uint64_t end = to_end;

  // The convention of the Python original, where an end of 0 means the blob's end.
  static constexpr slice from_original(std::uint64_t start, std::uint64_t end) noexcept {
    return {start, end == 0 ? to_end : end};
  }

  friend bool operator==(const slice&, const slice&) = default;
};

}  // namespace conduit
