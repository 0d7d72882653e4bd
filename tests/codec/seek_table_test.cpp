#include "codec/seek_table.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <limits>
#include <system_error>

#include "codec/frames.hpp"

namespace conduit::test {

namespace {

using codec::frame_index;
using codec::frame_sizes;

constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();

std::optional<std::uint64_t> size_from(const byte_vector& table, std::uint64_t file_size) {
  const std::size_t tail = std::min<std::size_t>(codec::seek_table_footer_size, table.size());
  return codec::seek_table_size(std::span(table).last(tail), file_size);
}

// Both steps over a whole file's bytes.
std::error_code read_table(const byte_vector& file, frame_index& frames) {
  const auto size = size_from(file, file.size());
  if (!size) return errc::corrupt;
  REQUIRE(*size <= file.size());
  return codec::parse_seek_table(std::span(file).last(static_cast<std::size_t>(*size)), file.size(),
                                 frames);
}

std::error_code read_table(const byte_vector& file) {
  frame_index frames;
  const auto error = read_table(file, frames);
  if (error) CHECK(frames == frame_index{});
  return error;
}

byte_vector footer_of(std::uint32_t count, unsigned descriptor) {
  return join({number(count, 4), number(descriptor, 1), number(0x8F92EAB1, 4)});
}

}  // namespace

TEST_CASE("a table has the bytes that its specification gives") {
  const byte_vector expected =
      join({number(0x184D2A5E, 4), number(25, 4),                                        //
            number(0x01020304, 4), number(0x05060708, 4), number(21, 4), number(22, 4),  //
            number(2, 4), number(0, 1), number(0x8F92EAB1, 4)});
  CHECK(table_of({{0x01020304, 0x05060708}, {21, 22}}) == expected);
}

TEST_CASE("a table that grows is at each step the table of its frames") {
  const std::vector<frame_sizes> all{{20, 100}, {30, 200}, {40, 300}};
  for (std::size_t known = 0; known <= all.size(); ++known) {
    frame_index index;
    for (std::size_t i = 0; i < known; ++i) index.append(all[i]);
    codec::growing_table table;
    table.append(index);
    table.append(std::span(all).subspan(known));
    CHECK(std::ranges::equal(table.bytes(), table_of(all)));
    table.drop(all.size() - known);
    const auto first = std::span(all).first(known);
    CHECK(std::ranges::equal(table.bytes(), table_of({first.begin(), first.end()})));
  }
}

TEST_CASE("a table that was written is read, with and without checksums") {
  const auto file = file_of_all_kinds();
  for (const byte_vector& bytes : {file.with_table(), file.with_checked_table()}) {
    frame_index frames;
    REQUIRE_FALSE(read_table(bytes, frames));
    CHECK(sizes_in(frames) == file.sizes());
    CHECK(frames.stored_size() == file.without_table().size());
  }
}

TEST_CASE("tables of many counts are read back") {
  for (const std::size_t count : {0U, 1U, 2U, 3U, 255U, 256U, 8192U, 70'000U}) {
    std::vector<frame_sizes> sizes;
    std::uint64_t stored = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      sizes.push_back({10 + i % 7, i % 5});
      stored += sizes.back().stored;
    }
    for (const byte_vector& table : {table_of(sizes), checked_table_of(sizes)}) {
      REQUIRE(size_from(table, stored + table.size()) == table.size());
      frame_index frames;
      REQUIRE_FALSE(codec::parse_seek_table(table, stored + table.size(), frames));
      REQUIRE(sizes_in(frames) == sizes);
    }
  }
}

TEST_CASE("a file of 0 bytes is valid and has no frames") {
  CHECK(size_from({}, 0) == 0U);
  CHECK_FALSE(read_table({}));
}

TEST_CASE("a table without entries is valid") {
  const byte_vector table = table_of({});
  CHECK(table.size() == 17);
  CHECK_FALSE(read_table(table));
}

TEST_CASE("a file without a footer has no table") {
  CHECK(size_from(noise_of(1, 9), 9) == std::nullopt);
  CHECK(size_from(file_of_all_kinds().without_table(),
                  file_of_all_kinds().without_table().size()) == std::nullopt);
  const byte_vector table = table_of({});
  for (std::size_t size = 1; size < table.size(); ++size) {
    const byte_vector cut(table.begin(), table.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(size_from(cut, size) == std::nullopt);
  }
}

TEST_CASE("a footer that claims more frames than the file has room for is no footer") {
  CHECK(size_from(footer_of(most, 0), 1 << 20) == std::nullopt);
  CHECK(size_from(footer_of(most, 0x80), 1 << 20) == std::nullopt);
  CHECK(size_from(footer_of(0x80000000, 0), 1 << 20) == std::nullopt);
  CHECK(size_from(footer_of(0x20000000, 0x80), 1 << 20) == std::nullopt);
  // 8 * count would be 0 in 32 bits.
  CHECK(size_from(footer_of(0x20000000, 0), 17) == std::nullopt);
  CHECK(size_from(footer_of(1, 0), 24) == std::nullopt);
  CHECK(size_from(footer_of(1, 0), 25) == 25U);
  CHECK(size_from(footer_of(1, 0x80), 28) == std::nullopt);
  CHECK(size_from(footer_of(1, 0x80), 29) == 29U);
}

TEST_CASE("a footer with a reserved bit is no footer, the unused bits are passed over") {
  for (const unsigned reserved : {0x04U, 0x08U, 0x10U, 0x20U, 0x40U, 0x84U}) {
    CHECK(size_from(footer_of(0, reserved), 17) == std::nullopt);
  }
  for (const unsigned unused : {0x01U, 0x02U, 0x03U, 0x83U})
    CHECK(size_from(footer_of(0, unused), 17) == 17U);
}

TEST_CASE("a table whose skippable header is wrong is corrupt") {
  const byte_vector good = file_of_all_kinds().with_table();
  const std::size_t start = file_of_all_kinds().without_table().size();
  REQUIRE_FALSE(read_table(good));
  for (std::size_t at = start; at < start + codec::seek_table_header_size; ++at) {
    byte_vector bad = good;
    bad[at] ^= std::byte{1};
    CHECK(read_table(bad) == errc::corrupt);
  }
}

TEST_CASE("entries that do not add up to the file are corrupt") {
  const byte_vector frame = frame_of(text_of(1, 500));
  const auto stored = static_cast<std::uint32_t>(frame.size());
  CHECK_FALSE(read_table(join({frame, table_of({{stored, 500}})})));
  CHECK(read_table(join({frame, table_of({{stored - 1, 500}})})) == errc::corrupt);
  CHECK(read_table(join({frame, table_of({{stored + 1, 500}})})) == errc::corrupt);
  CHECK(read_table(join({frame, table_of({})})) == errc::corrupt);
  CHECK(read_table(join({frame, table_of({{stored, 500}, {stored, 500}})})) == errc::corrupt);
  CHECK(read_table(join({frame, table_of({{stored, 500}, {most, 500}, {most, 500}})})) ==
        errc::corrupt);
}

TEST_CASE("entries that no frame can have are corrupt") {
  const auto read_entry = [](frame_sizes entry) {
    const byte_vector table = table_of({entry});
    frame_index frames;
    return codec::parse_seek_table(table, table.size() + entry.stored, frames);
  };
  CHECK(read_entry({0, 0}) == errc::corrupt);
  CHECK(read_entry({0, 5}) == errc::corrupt);
  CHECK(read_entry({0, most}) == errc::corrupt);
  CHECK(read_entry({1, most}) == errc::corrupt);
  CHECK(read_entry({7, 0}) == errc::corrupt);
  CHECK_FALSE(read_entry({8, 0}));
  CHECK(read_entry({9, 1}) == errc::corrupt);
  CHECK_FALSE(read_entry({10, 128 << 10}));
  CHECK(read_entry({10, (128 << 10) + 1}) == errc::corrupt);
  CHECK_FALSE(read_entry({most, most}));
}

TEST_CASE("the smallest frames there are may stand in a table") {
  // An empty block with a window descriptor, and a block of one repeated byte that fills 128 KiB.
  const byte_vector empty = join({header_of({0, 0}), raw_block({}, true)});
  const byte_vector full =
      join({header_of({0, 0x38}), repeated_block(std::byte{7}, 128 << 10, true)});
  CHECK(full.size() == 10);
  file_of_frames file;
  file.add(empty, 0);
  file.add(full, 128 << 10);
  file.add(skippable_frame(0), 0);
  CHECK_FALSE(read_table(file.with_table()));
}

TEST_CASE("a table of another size than the footer says is corrupt") {
  const byte_vector table = table_of({{20, 5}});
  frame_index frames;
  for (std::size_t size = 0; size < table.size(); ++size) {
    CHECK(codec::parse_seek_table(std::span(table).last(size), 20 + table.size(), frames) ==
          errc::corrupt);
  }
  const byte_vector longer = join({byte_vector(1), table});
  CHECK(codec::parse_seek_table(longer, 20 + table.size(), frames) == errc::corrupt);
  CHECK(codec::parse_seek_table(table, table.size() - 1, frames) == errc::corrupt);
  CHECK(codec::parse_seek_table(table, std::numeric_limits<std::uint64_t>::max(), frames) ==
        errc::corrupt);
}

TEST_CASE("a table with any bit changed is refused or still adds up to the file") {
  const byte_vector good = file_of_all_kinds().with_table();
  const std::size_t start = file_of_all_kinds().without_table().size();
  for (std::size_t bit = start * 8; bit < good.size() * 8; ++bit) {
    byte_vector changed = good;
    changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    frame_index frames;
    if (!read_table(changed, frames)) REQUIRE(frames.stored_size() == start);
  }
}

}  // namespace conduit::test
