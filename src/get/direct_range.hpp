// O_DIRECT requires aligned offset, length and memory: the aligned range around a slice.
#pragma once

#include <cstddef>
#include <cstdint>

namespace conduit::detail {

// The largest logical block size in use: this alignment suits every disk.
inline constexpr std::size_t direct_alignment = 4096;

constexpr std::uint64_t align_down(std::uint64_t value) noexcept {
  return value & ~static_cast<std::uint64_t>(direct_alignment - 1);
}
constexpr std::uint64_t align_up(std::uint64_t value) noexcept {
  return align_down(value + direct_alignment - 1);
}

inline bool is_aligned(const void* memory, std::uint64_t offset, std::size_t length) noexcept {
  return align_down(reinterpret_cast<std::uintptr_t>(memory)) ==
             reinterpret_cast<std::uintptr_t>(memory) &&
         align_down(offset) == offset && align_down(length) == length;
}

}  // namespace conduit::detail
