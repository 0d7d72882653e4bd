// The checksum that locations carry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#define XXH_STATIC_LINKING_ONLY  // for the size of the state
#include <xxhash.h>

namespace conduit {

// The low 32 bits of XXH3-64 (xxHash 0.8), a hash of 0 stored as 1, because 0 means "none" in a
// location.
std::uint32_t checksum_of(std::span<const std::byte> bytes) noexcept;

// The same for bytes that come piece by piece. Its memory is aligned to 64 bytes, which coroutine
// frames are not: never make it a local of a coroutine.
class running_checksum {
 public:
  running_checksum() noexcept;
  void add(std::span<const std::byte> bytes) noexcept;
  std::uint32_t value() const noexcept;

 private:
  XXH3_state_t state_;
};

}  // namespace conduit
