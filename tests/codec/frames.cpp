#include "codec/frames.hpp"

#include <zstd.h>

#include <array>
#include <string_view>
#include <system_error>

#include "codec/frame.hpp"
#include "codec/seek_table.hpp"
#include "codec/zstd_context.hpp"
#include "support/bytes.hpp"

namespace conduit::test {

namespace {

byte_vector block(std::uint32_t type, std::uint32_t size, bool last) {
  return number((last ? 1U : 0U) | type << 1U | size << 3U, 3);
}

}  // namespace

byte_vector as_bytes(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

byte_vector join(std::initializer_list<byte_vector> parts) {
  byte_vector all;
  for (const byte_vector& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

byte_vector number(std::uint64_t value, std::size_t size) {
  byte_vector bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
  return bytes;
}

byte_vector noise_of(std::uint64_t seed, std::size_t size) {
  return as_bytes(bytes_of(seed, size));
}

byte_vector text_of(std::uint64_t seed, std::size_t size) {
  constexpr std::array<std::string_view, 8> words{
      "frame ", "table ", "blob\n", "a ", "conduit ", "0123456789 ", "of ", "the store "};
  const std::string choices =
      bytes_of(seed, size);  // more than enough: every word has two letters or more
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i)
    text += words[static_cast<unsigned char>(choices[i]) % words.size()];
  text.resize(size);
  return as_bytes(text);
}

byte_vector frame_of(std::span<const std::byte> plain, int level) {
  byte_vector stored;
  std::uint32_t stored_size = 0;
  if (const auto error = codec::encoder(level).append(plain, stored, stored_size))
    throw std::system_error(error);
  return stored;
}

byte_vector frame_without_size(std::span<const std::byte> plain, bool checksum) {
  const codec::compression_context context(ZSTD_createCCtx());
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, checksum ? 1 : 0);
  byte_vector stored(ZSTD_compressBound(plain.size()));
  stored.resize(
      ZSTD_compress2(context.get(), stored.data(), stored.size(), plain.data(), plain.size()));
  return stored;
}

byte_vector skippable_frame(std::size_t skipped, unsigned variant) {
  return join({number(0x184D2A50 + variant, 4), number(skipped, 4), noise_of(skipped, skipped)});
}

byte_vector header_of(std::initializer_list<unsigned> bytes) {
  byte_vector header = number(0xFD2FB528, 4);
  for (const unsigned value : bytes) header.push_back(static_cast<std::byte>(value));
  return header;
}

byte_vector raw_block(std::span<const std::byte> plain, bool last) {
  return join({block(0, static_cast<std::uint32_t>(plain.size()), last),
               byte_vector(plain.begin(), plain.end())});
}

byte_vector repeated_block(std::byte value, std::uint32_t times, bool last) {
  return join({block(1, times, last), {value}});
}

byte_vector table_of(const std::vector<codec::frame_sizes>& frames) {
  codec::growing_table table;
  table.append(frames);
  return {table.bytes().begin(), table.bytes().end()};
}

byte_vector checked_table_of(const std::vector<codec::frame_sizes>& frames) {
  byte_vector table = join({number(codec::seek_table_magic, 4), number(12 * frames.size() + 9, 4)});
  for (const auto& frame : frames) {
    for (const std::uint32_t value : {frame.stored, frame.plain, 0x55555555U}) {
      const byte_vector bytes = number(value, 4);
      table.insert(table.end(), bytes.begin(), bytes.end());
    }
  }
  return join({table, number(frames.size(), 4), number(0x80, 1), number(0x8F92EAB1, 4)});
}

void file_of_frames::add(const byte_vector& stored, std::uint32_t plain) {
  bytes_.insert(bytes_.end(), stored.begin(), stored.end());
  sizes_.push_back({static_cast<std::uint32_t>(stored.size()), plain});
}

file_of_frames file_of_all_kinds() {
  file_of_frames file;
  file.add_plain(text_of(1, 700));
  file.add(frame_without_size(text_of(2, 300)), 300);
  file.add(skippable_frame(5), 0);
  file.add_plain({});
  file.add_plain(noise_of(3, 100));
  return file;
}

std::vector<codec::frame_sizes> sizes_in(const codec::frame_index& frames) {
  std::vector<codec::frame_sizes> sizes;
  for (std::size_t i = 0; i < frames.count(); ++i) sizes.push_back(frames[i].sizes);
  return sizes;
}

}  // namespace conduit::test
