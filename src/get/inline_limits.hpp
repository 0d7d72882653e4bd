// Sizes that decide which path a read takes.
#pragma once

#include <conduit/options.hpp>
#include <cstddef>

namespace conduit::detail {

// A larger inline read would block the loop for longer than a turn through the engine costs.
inline constexpr std::size_t inline_bytes_max = 256U << 10;
// The kernel moves at most 2 GiB less a page at a time.
inline constexpr std::size_t transfer_bytes_max = 1U << 30;
// Up to this size memory is allocated for a location without checking the file's length first.
inline constexpr std::size_t trusted_bytes_max = 64U << 10;
// Only large reads keep nothing in the page cache: the kernel also drops what it has read ahead for
// them. In pieces of 4 KiB the reads of a whole file would take five times as long, of 64 KiB
// twice.
inline bool is_read_once(const options& how, std::size_t size) noexcept {
  return how.read_once && size > inline_bytes_max;
}

}  // namespace conduit::detail
