// Sizes that decide which path a read takes.
#pragma once

#include <cstddef>

namespace conduit::detail {

// A larger inline read would block the loop for longer than a turn through the engine costs.
inline constexpr std::size_t inline_bytes_max = 256U << 10;
// The kernel moves at most 2 GiB less a page at a time.
inline constexpr std::size_t transfer_bytes_max = 1U << 30;
// Up to this size memory is allocated for a location without checking the file's length first.
inline constexpr std::size_t trusted_bytes_max = 64U << 10;

}  // namespace conduit::detail
