#include "codec/seek_table.hpp"

#include <conduit/error.hpp>
#include <new>
#include <utility>

#include "base/little_endian.hpp"

namespace conduit::codec {

namespace {

constexpr std::uint32_t footer_magic = 0x8F92EAB1;
constexpr unsigned checksum_flag = 0x80;
constexpr unsigned reserved_bits = 0x7C;
constexpr std::size_t plain_entry_size = 8;
constexpr std::size_t checked_entry_size = 12;

struct footer {
  std::uint32_t count;
  std::size_t entry_size;

  // Fits: 2^32 entries of 12 bytes.
  std::uint64_t table_size() const noexcept {
    return seek_table_header_size + std::uint64_t{count} * entry_size + seek_table_footer_size;
  }
};

// `bytes` are the last `seek_table_footer_size` of a file or table.
std::optional<footer> decode_footer(std::span<const std::byte> bytes) noexcept {
  const auto descriptor = std::to_integer<unsigned>(bytes[4]);
  if (load_little_endian<std::uint32_t>(&bytes[5]) != footer_magic ||
      (descriptor & reserved_bits) != 0)
    return std::nullopt;
  return footer{load_little_endian<std::uint32_t>(bytes.data()),
                (descriptor & checksum_flag) != 0 ? checked_entry_size : plain_entry_size};
}

// Tells whether any frame can have these sizes. A skippable frame has at least its header of 8
// bytes. Any other has at least 6 bytes of header, and each of its blocks takes at least 4 bytes
// and gives at most 128 KiB. Without this bound 1 byte of a file could demand 4 GiB of memory.
bool is_possible(frame_sizes frame) noexcept {
  constexpr std::uint32_t skippable_header_size = 8;
  constexpr std::uint32_t header_size_min = 6;
  constexpr std::uint32_t block_size_min = 4;
  constexpr std::uint64_t block_plain_max = std::uint64_t{128} << 10U;
  if (frame.stored < skippable_header_size) return false;
  const std::uint64_t blocks_max = (frame.stored - header_size_min) / block_size_min;
  return frame.plain <= blocks_max * block_plain_max;
}

bool header_fits(std::span<const std::byte> table) noexcept {
  return load_little_endian<std::uint32_t>(table.data()) == seek_table_magic &&
         load_little_endian<std::uint32_t>(&table[4]) == table.size() - seek_table_header_size;
}

}  // namespace

growing_table::growing_table() : bytes_(encoded_seek_table_size(0)) { write_ends(); }

void growing_table::append(std::span<const frame_sizes> frames) {
  const std::size_t known = bytes_.size();
  bytes_.resize(known + frames.size() * sizeof(frame_sizes));
  std::byte* at = &bytes_[known - seek_table_footer_size];
  for (const frame_sizes& frame : frames) {
    store_little_endian(at, frame.stored);
    store_little_endian(at + sizeof frame.stored, frame.plain);
    at += sizeof(frame_sizes);
  }
  write_ends();
}

void growing_table::append(const frame_index& frames) {
  std::vector<frame_sizes> sizes(frames.count());
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = frames[i].sizes;
  append(sizes);
}

void growing_table::drop(std::size_t count) noexcept {
  bytes_.resize(bytes_.size() - count * sizeof(frame_sizes));
  write_ends();
}

void growing_table::write_ends() noexcept {
  store_little_endian(bytes_.data(), seek_table_magic);
  store_little_endian(&bytes_[4],
                      static_cast<std::uint32_t>(bytes_.size() - seek_table_header_size));
  std::byte* const footer = &bytes_[bytes_.size() - seek_table_footer_size];
  store_little_endian(footer, static_cast<std::uint32_t>(count()));
  footer[4] = std::byte{0};
  store_little_endian(footer + 5, footer_magic);
}

std::optional<std::uint64_t> seek_table_size(std::span<const std::byte> tail,
                                             std::uint64_t file_size) noexcept {
  if (file_size == 0) return 0;
  if (tail.size() != seek_table_footer_size) return std::nullopt;
  const auto found = decode_footer(tail);
  if (!found || found->table_size() > file_size) return std::nullopt;
  return found->table_size();
}

std::error_code parse_seek_table(std::span<const std::byte> table, std::uint64_t file_size,
                                 frame_index& frames) noexcept {
  if (table.empty() && file_size == 0) return {};
  if (table.size() < seek_table_header_size + seek_table_footer_size || table.size() > file_size)
    return errc::corrupt;
  const auto found = decode_footer(table.last(seek_table_footer_size));
  if (!found || found->table_size() != table.size() || !header_fits(table)) return errc::corrupt;
  try {
    frame_index parsed;
    parsed.reserve(found->count);
    for (std::size_t i = 0; i < found->count; ++i) {
      const std::byte* entry = &table[seek_table_header_size + i * found->entry_size];
      const frame_sizes frame{load_little_endian<std::uint32_t>(entry),
                              load_little_endian<std::uint32_t>(entry + 4)};
      if (!is_possible(frame)) return errc::corrupt;
      parsed.append(frame);
    }
    if (parsed.stored_size() != file_size - table.size()) return errc::corrupt;
    frames = std::move(parsed);
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
  return {};
}

}  // namespace conduit::codec
