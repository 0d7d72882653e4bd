// Sizes that decide which way a read takes.
#pragma once

#include <cstddef>

namespace conduit::detail {

// An inline read of more would hold up the loop for longer than a turn through the engine costs.
inline constexpr std::size_t inline_bytes_max = 256U << 10;
// The kernel moves at most 2 GiB less a page at a time.
inline constexpr std::size_t transfer_bytes_max = 1U << 30;
// Up to here memory is taken for a location without asking first whether its file is that long.
inline constexpr std::size_t trusted_bytes_max = 64U << 10;

}  // namespace conduit::detail
