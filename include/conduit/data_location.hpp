// The location of a blob. The caller keeps it, for example in a key-value store; the store keeps no
// index.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>

namespace conduit {

// Bytes [start, end) of data file `file_number`, in plain offsets (a compressed file's offsets
// count its uncompressed bytes, so compressing a sealed file leaves every location true).
struct data_location {
  static constexpr std::size_t encoded_size = 24;

  std::uint32_t file_number = 0;
  std::uint32_t checksum =
      0;  // low 32 bits of XXH3-64 of the blob, a hash of 0 stored as 1; 0: no checksum known
  std::uint64_t start = 0;  // bytes from the file's first plain byte
  std::uint64_t end = 0;

  // Bytes of the blob; 0 for a location that ends before it starts.
  std::uint64_t size() const noexcept { return end < start ? 0 : end - start; }

  // Fixed layout, little-endian: u32 file number, u32 checksum, u64 start, u64 end.
  std::array<std::byte, encoded_size> encode() const noexcept;
  // `errc::bad_location` if there are not exactly 24 bytes, or they end before they start.
  static data_location decode(std::span<const std::byte> bytes, std::error_code& error) noexcept;
  // The same, but throws std::system_error.
  static data_location decode(std::span<const std::byte> bytes);

  // "7:4096-8192#9f86d081"; "#…" is left out if no checksum is known.
  std::string to_string() const;
  // Accepts exactly what `to_string` writes (`errc::bad_location` otherwise): decimal numbers
  // without sign, space or leading zeros, and an optional checksum of eight lower-case hexadecimal
  // digits.
  static data_location parse(std::string_view text, std::error_code& error) noexcept;
  // The same, but throws std::system_error.
  static data_location parse(std::string_view text);

  friend bool operator==(const data_location&, const data_location&) = default;
  // The order of the blobs in the store: by file, then by start and end.
  friend std::strong_ordering operator<=>(const data_location& left,
                                          const data_location& right) noexcept {
    return std::tie(left.file_number, left.start, left.end, left.checksum) <=>
           std::tie(right.file_number, right.start, right.end, right.checksum);
  }
};

// Writes the text of `to_string`.
std::ostream& operator<<(std::ostream& to, const data_location& location);

}  // namespace conduit

template <>
struct std::hash<conduit::data_location> {
  std::size_t operator()(const conduit::data_location& location) const noexcept;
};
