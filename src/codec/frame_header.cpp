#include "codec/frame_header.hpp"

#include <limits>

#include "base/little_endian.hpp"

namespace conduit::codec {

namespace {

constexpr std::size_t magic_size = 4;
constexpr std::uint32_t frame_magic = 0xFD2FB528;
constexpr std::uint32_t skippable_magic = 0x184D2A50;  // and the 15 numbers that follow it
constexpr std::uint32_t skippable_mask = 0xFFFFFFF0;
constexpr std::size_t skippable_header_size = 8;

// The byte behind the magic number says which fields exist.
struct descriptor {
  unsigned value;

  bool is_valid() const noexcept { return (value & 0x08U) == 0; }
  bool has_checksum() const noexcept { return (value & 0x04U) != 0; }
  bool single_segment() const noexcept { return (value & 0x20U) != 0; }
  std::size_t window_bytes() const noexcept { return single_segment() ? 0 : 1; }
  std::size_t dictionary_bytes() const noexcept {
    const unsigned flag = value & 0x03U;
    return flag == 3 ? 4 : flag;
  }
  std::size_t content_bytes() const noexcept {
    const unsigned flag = value >> 6U;
    if (flag == 0) return single_segment() ? 1 : 0;
    return std::size_t{1} << flag;
  }
};

std::uint64_t load(const std::byte* from, std::size_t size) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = size; i > 0; --i)
    value = value << 8U | std::to_integer<std::uint64_t>(from[i - 1]);
  return value;
}

// 5 bits of exponent over 1 KiB, 3 bits of eighths.
std::uint64_t window_of(std::byte described) noexcept {
  const auto bits = std::to_integer<unsigned>(described);
  const std::uint64_t base = std::uint64_t{1} << (10 + (bits >> 3U));
  return base + base / 8 * (bits & 7U);
}

header_state inspect_skippable(std::span<const std::byte> bytes, frame_header& header) noexcept {
  if (bytes.size() < skippable_header_size) return header_state::cut;
  header = {};
  header.magic = load_little_endian<std::uint32_t>(bytes.data());
  header.header_size = skippable_header_size;
  header.skippable = true;
  header.skipped_size = load_little_endian<std::uint32_t>(&bytes[magic_size]);
  return header_state::whole;
}

}  // namespace

bool frame_header::is_supported() const noexcept {
  return dictionary == 0 && window_size <= frame_window_max &&
         content_size.value_or(0) <= std::numeric_limits<std::uint32_t>::max();
}

header_state inspect_frame_header(std::span<const std::byte> bytes, frame_header& header) noexcept {
  if (bytes.size() < magic_size) return header_state::cut;
  const auto magic = load_little_endian<std::uint32_t>(bytes.data());
  if ((magic & skippable_mask) == skippable_magic) return inspect_skippable(bytes, header);
  if (magic != frame_magic) return header_state::invalid;
  if (bytes.size() == magic_size) return header_state::cut;

  const descriptor fields{std::to_integer<unsigned>(bytes[magic_size])};
  if (!fields.is_valid()) return header_state::invalid;
  const std::size_t at_window = magic_size + 1;
  const std::size_t at_dictionary = at_window + fields.window_bytes();
  const std::size_t at_content = at_dictionary + fields.dictionary_bytes();
  const std::size_t size = at_content + fields.content_bytes();
  if (bytes.size() < size) return header_state::cut;

  header = {};
  header.magic = magic;
  header.header_size = static_cast<std::uint32_t>(size);
  header.dictionary =
      static_cast<std::uint32_t>(load(bytes.data() + at_dictionary, fields.dictionary_bytes()));
  header.has_checksum = fields.has_checksum();
  if (fields.content_bytes() != 0) {
    // The two-byte form counts from 256.
    header.content_size = load(bytes.data() + at_content, fields.content_bytes()) +
                          (fields.content_bytes() == 2 ? 256 : 0);
  }
  header.window_size = fields.single_segment() ? *header.content_size : window_of(bytes[at_window]);
  return header_state::whole;
}

}  // namespace conduit::codec
