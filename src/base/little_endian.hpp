// Fixed-width little-endian integers in byte arrays: how every number of the store is written.
#pragma once

#include <cstddef>
#include <cstdint>

namespace conduit {

template <typename Integer>
void store_little_endian(std::byte* to, Integer value) noexcept {
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    to[i] = static_cast<std::byte>(value >> (8 * i));
}

template <typename Integer>
Integer load_little_endian(const std::byte* from) noexcept {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    value = static_cast<Integer>(
        value | (static_cast<Integer>(std::to_integer<unsigned>(from[i])) << (8 * i)));
  }
  return value;
}

}  // namespace conduit
