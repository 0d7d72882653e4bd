// Turns a location and a slice into a range of a file, without trusting any of their numbers.
#pragma once

#include <conduit/data_location.hpp>
#include <conduit/slice.hpp>
#include <cstdint>
#include <limits>

namespace conduit::detail {

struct file_range {
  bool valid = false;
  bool whole_blob = false;
  std::uint64_t start = 0;   // plain bytes from the file's start
  std::uint64_t length = 0;  // bytes
};

inline file_range range_of(const data_location& location, const slice& part) noexcept {
  // The kernel's offsets are signed: nothing can lie beyond.
  constexpr auto offset_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (location.end < location.start || location.end > offset_max) return {};
  const std::uint64_t size = location.end - location.start;
  const std::uint64_t end = part.end == slice::to_end ? size : part.end;
  if (part.start > end || end > size) return {};
  return {true, part.start == 0 && end == size, location.start + part.start, end - part.start};
}

}  // namespace conduit::detail
