// The checksum that locations carry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace conduit {

// The low 32 bits of XXH3-64 (xxHash 0.8), a hash of 0 stored as 1, because 0 means "none" in a location.
std::uint32_t checksum_of(std::span<const std::byte> bytes) noexcept;

}  // namespace conduit
