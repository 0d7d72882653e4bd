#include "base/checksum.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
// Chooses the widest vector instructions of the processor: twice as fast as the baseline build.
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

namespace conduit {

namespace {

#if defined(__x86_64__) || defined(__i386__)
__attribute__((target("avx"))) void clear_upper_halves() noexcept { _mm256_zeroupper(); }

// libxxhash 0.8.1 leaves the upper halves of the vector registers in use. On Intel's processors
// that delays all SSE instructions behind it, by twice the time that the hash of 4 KiB takes.
void leave_vectors() noexcept {
  static const bool has_halves = __builtin_cpu_supports("avx") != 0;
  if (has_halves) clear_upper_halves();
}
#else
void leave_vectors() noexcept {}
#endif

std::uint32_t checksum_from(XXH64_hash_t hash) noexcept {
  const auto low = static_cast<std::uint32_t>(hash);
  return low == 0 ? 1 : low;
}

}  // namespace

std::uint32_t checksum_of(std::span<const std::byte> bytes) noexcept {
  const XXH64_hash_t hash = XXH3_64bits(bytes.data(), bytes.size());
  leave_vectors();
  return checksum_from(hash);
}

running_checksum::running_checksum() noexcept { XXH3_64bits_reset(&state_); }

void running_checksum::add(std::span<const std::byte> bytes) noexcept {
  XXH3_64bits_update(&state_, bytes.data(), bytes.size());
  leave_vectors();
}

std::uint32_t running_checksum::value() const noexcept {
  return checksum_from(XXH3_64bits_digest(&state_));
}

}  // namespace conduit
