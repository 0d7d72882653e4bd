// A part of a blob, in bytes from the blob's first byte.
#pragma once

#include <cstdint>

namespace conduit {

// Bytes [start, end) of a blob. `end` 0 means "to the blob's end", so a default slice is the whole blob. A slice that ends before it
// starts or reaches past the blob is `errc::out_of_range`; it is never shortened.
struct slice {
  std::uint64_t start = 0;
  std::uint64_t end = 0;

  friend bool operator==(const slice&, const slice&) = default;
};

}  // namespace conduit
