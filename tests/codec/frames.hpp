// Frames, tables and files for the codec's tests: made by the codec, made as others make them, and
// made by hand to be wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "codec/frame_index.hpp"

namespace conduit::test {

using byte_vector = std::vector<std::byte>;

byte_vector as_bytes(const std::string& text);
byte_vector join(std::initializer_list<byte_vector> parts);
byte_vector number(std::uint64_t value, std::size_t size);  // little-endian

// The same for the same seed on every machine: words that compress to about a third.
byte_vector text_of(std::uint64_t seed, std::size_t size);
byte_vector noise_of(std::uint64_t seed, std::size_t size);

// As the codec writes it. Throws std::system_error.
byte_vector frame_of(std::span<const std::byte> plain, int level = 3);
// As the Python original writes it: no content size.
byte_vector frame_without_size(std::span<const std::byte> plain, bool checksum = true);
byte_vector skippable_frame(std::size_t skipped, unsigned variant = 0);

// By hand: a zstd frame's magic number and these bytes of header behind it; a block that stands for
// itself; one byte repeated.
byte_vector header_of(std::initializer_list<unsigned> bytes);
byte_vector raw_block(std::span<const std::byte> plain, bool last);
byte_vector repeated_block(std::byte value, std::uint32_t times, bool last);

byte_vector table_of(const std::vector<codec::frame_sizes>& frames);
byte_vector checked_table_of(const std::vector<codec::frame_sizes>&
                                 frames);  // with a checksum an entry, which is 0x55555555

// A compressed file of these frames' bytes, and what a table says of them.
class file_of_frames {
 public:
  void add(const byte_vector& stored, std::uint32_t plain);
  void add_plain(std::span<const std::byte> plain) {
    add(frame_of(plain), static_cast<std::uint32_t>(plain.size()));
  }

  const byte_vector& without_table() const noexcept { return bytes_; }
  byte_vector with_table() const { return join({bytes_, table_of(sizes_)}); }
  byte_vector with_checked_table() const { return join({bytes_, checked_table_of(sizes_)}); }
  const std::vector<codec::frame_sizes>& sizes() const noexcept { return sizes_; }

 private:
  byte_vector bytes_;
  std::vector<codec::frame_sizes> sizes_;
};

// Two frames as the codec writes them, one as the original does, one skippable, one empty: every
// kind there is.
file_of_frames file_of_all_kinds();

std::vector<codec::frame_sizes> sizes_in(const codec::frame_index& frames);

}  // namespace conduit::test
