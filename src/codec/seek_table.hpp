// The seek table at the end of a compressed file: it lists the frames, so that a range of plain
// bytes is found without reading the others.
//
// Source: Zstandard Seekable Format, version 0.1.0, in zstd's repository under
// contrib/seekable_format. Little-endian:
//
//   header  u32 0x184D2A5E, a skippable frame's magic number; u32 size of all that follows
//   entries one a frame, in the file's order: u32 stored size, u32 plain size, and with the
//           checksum flag u32 checksum
//   footer  u32 count of entries, u8 descriptor (bit 7 checksum flag, bits 6 to 2 reserved and 0,
//           bits 1 and 0 unused), u32 0x8F92EAB1
//
// Tables are written without checksums and read with and without: an entry's checksum repeats the
// one in the frame, so it is ignored. A file of 0 bytes has no table and no frames, and is valid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "codec/frame_index.hpp"

namespace conduit::codec {

inline constexpr std::uint32_t seek_table_magic = 0x184D2A5E;
inline constexpr std::size_t seek_table_header_size = 8;
inline constexpr std::size_t seek_table_footer_size = 9;
// The limit of the 32-bit size in the header.
inline constexpr std::size_t seek_table_entries_max = (0xFFFFFFFF - seek_table_footer_size) / 8;

// The size in bytes of a table of `count` entries as `growing_table` writes it. `count` is at most
// `seek_table_entries_max`.
constexpr std::size_t encoded_seek_table_size(std::size_t count) noexcept {
  return seek_table_header_size + 8 * count + seek_table_footer_size;
}

// The table of a growing file, kept encoded: each append writes it behind its frames.
class growing_table {
 public:
  growing_table();
  // On std::bad_alloc it is unchanged. At most `seek_table_entries_max` entries in all.
  void append(std::span<const frame_sizes> frames);
  void append(const frame_index& frames);
  // Removes the last `count` entries.
  void drop(std::size_t count) noexcept;

  std::size_t count() const noexcept {
    return (bytes_.size() - seek_table_header_size - seek_table_footer_size) / sizeof(frame_sizes);
  }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  // The first and the last bytes: they differ for every other count of entries.
  std::span<const std::byte> header() const noexcept {
    return bytes().first(seek_table_header_size);
  }
  std::span<const std::byte> footer() const noexcept {
    return bytes().last(seek_table_footer_size);
  }

 private:
  void write_ends() noexcept;

  std::vector<std::byte> bytes_;
};

// The first step of reading: the size of the table at the end of a file of `file_size` bytes.
// `tail` holds the last min(9, `file_size`) bytes. Empty if these are no footer, or promise more
// entries than the file has room for; so the size may be allocated. 0 for an empty file.
std::optional<std::uint64_t> seek_table_size(std::span<const std::byte> tail,
                                             std::uint64_t file_size) noexcept;

// The second step: `table` holds the last bytes of the file, as many as the first step returned.
// Fills `frames`, which must be empty.
//
// `errc::corrupt`, and nothing in `frames`, if the table contradicts itself or the file's size, or
// has an entry that no frame can have: one shorter than a frame's header, or one with more plain
// bytes than its stored bytes can hold. `not_enough_memory` of the system. Only decoding or walking
// the frames shows whether they match the entries.
std::error_code parse_seek_table(std::span<const std::byte> table, std::uint64_t file_size,
                                 frame_index& frames) noexcept;

}  // namespace conduit::codec
