// The small record in the lock file, which the last holder of the lock left for the next. It may
// add caution, never remove it. The original ignores it.
//
// Layout, little-endian: 8 bytes magic "cffdbrec", u32 version, u32 flags (bit 0: a sync was begun
// on `syncing`; bit 1: `poisoned` is set; bit 2: `highest` is set), 16 bytes boot id, u64 device,
// u64 change counter, u64 end, u32 highest number ever used, u32 mutable file, u32 syncing, u32
// poisoned, u64 XXH3-64 of all before it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>

#include "io/file_io.hpp"

namespace conduit::lock {

using boot_id = std::array<std::byte, 16>;

struct lock_record {
  static constexpr std::size_t encoded_size = 80;

  boot_id boot{};            // set by the first put of a boot; it vouches for the tail in that boot
  std::uint64_t device = 0;  // of the data directory
  std::uint64_t changes = 0;             // raised before every create and unlink
  std::uint64_t end = 0;                 // bytes of the mutable file that are known to be written
  std::optional<std::uint32_t> highest;  // number ever used
  std::uint32_t mutable_file = 0;  // the file that `end` refers to; its entry is durable or marked
  std::optional<std::uint32_t> syncing;  // a sync of this file began and has not returned
  std::optional<std::uint32_t>
      poisoned;  // this and every lower number is never appended to again; only ever raised

  std::array<std::byte, encoded_size> encode() const noexcept;
  // Empty if magic, version or checksum is wrong.
  static std::optional<lock_record> decode(std::span<const std::byte> bytes) noexcept;

  friend bool operator==(const lock_record&, const lock_record&) = default;
};

// Call under the lock, with the descriptor that holds it. `found` is empty if there is no record,
// or an unreadable one; an error says nothing about the record.
std::error_code load_record(io::file_io& disk, int lock_file, std::optional<lock_record>& found);
std::error_code store_record(io::file_io& disk, int lock_file, const lock_record& record);

}  // namespace conduit::lock
