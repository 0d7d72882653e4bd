#include "codec/frame_walk.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <vector>

#include "codec/frame.hpp"
#include "codec/frames.hpp"

namespace conduit::test {

namespace {

using codec::frame_sizes;
using codec::frame_walk;
using codec::walk_state;

// All that a walk tells.
struct walked {
  walk_state state;
  std::uint64_t offset;
  std::vector<frame_sizes> frames;

  friend bool operator==(const walked&, const walked&) = default;
};

walked walk(std::span<const std::byte> file, std::size_t piece_size) {
  frame_walk walking(file.size());
  for (std::size_t at = 0; at < file.size(); at += piece_size) {
    REQUIRE_FALSE(walking.feed(file.subspan(at, std::min(piece_size, file.size() - at))));
  }
  return {walking.state(), walking.offset(), sizes_in(walking.frames())};
}

// However the file is cut into pieces, the walk must tell the same.
walked walk(std::span<const std::byte> file) {
  const walked found = walk(file, std::max<std::size_t>(1, file.size()));
  for (const std::size_t piece_size : {1U, 7U, 1000U}) REQUIRE(walk(file, piece_size) == found);
  return found;
}

// A good frame, then `frame`, then another good one: the walk must stop at the one in the middle.
void check_bad(const byte_vector& frame) {
  const byte_vector good = frame_of(text_of(1, 500));
  const walked found = walk(join({good, frame, good}));
  CHECK(found ==
        walked{walk_state::bad, good.size(), {{static_cast<std::uint32_t>(good.size()), 500}}});
}

}  // namespace

TEST_CASE("a file of every kind of frame is walked to its table") {
  const auto file = file_of_all_kinds();
  const walked expected{walk_state::complete, file.without_table().size(), file.sizes()};
  CHECK(walk(file.with_table()) == expected);
  CHECK(walk(file.with_checked_table()) == expected);
}

TEST_CASE("a file of 0 bytes and a file of nothing but an empty table are complete") {
  CHECK(walk({}) == walked{walk_state::complete, 0, {}});
  CHECK(walk(table_of({})) == walked{walk_state::complete, 0, {}});
}

TEST_CASE("a file that ends behind a whole frame lacks its table") {
  const auto file = file_of_all_kinds();
  const auto& bytes = file.without_table();
  CHECK(walk(bytes) == walked{walk_state::table_missing, bytes.size(), file.sizes()});
}

TEST_CASE("large frames are walked with and without a content size") {
  file_of_frames file;
  for (const std::size_t size : {131'072U, 131'073U, 1'000'000U}) {
    const auto plain_size = static_cast<std::uint32_t>(size);
    file.add_plain(noise_of(size, size));
    file.add(frame_without_size(noise_of(size, size)), plain_size);
    file.add_plain(text_of(size, size));
    file.add(frame_without_size(text_of(size, size), false), plain_size);
    file.add_plain(byte_vector(size));
  }
  const byte_vector bytes = file.with_table();
  const walked expected{walk_state::complete, file.without_table().size(), file.sizes()};
  for (const std::size_t piece_size : {std::size_t{4096}, std::size_t{65'537}, bytes.size()})
    CHECK(walk(bytes, piece_size) == expected);
}

TEST_CASE("a file cut anywhere is walked to its last whole frame") {
  const auto file = file_of_all_kinds();
  const byte_vector bytes = file.with_table();
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    walked expected{walk_state::bad, 0, {}};
    for (const frame_sizes& frame : file.sizes()) {
      if (expected.offset + frame.stored > size) break;
      expected.offset += frame.stored;
      expected.frames.push_back(frame);
    }
    if (expected.offset == size) expected.state = walk_state::table_missing;
    REQUIRE(walk(std::span(bytes).first(size)) == expected);
  }
}

TEST_CASE("a walk needs more until its file's size has come") {
  const byte_vector bytes = file_of_all_kinds().with_table();
  frame_walk walking(bytes.size());
  CHECK(walking.state() == walk_state::needs_more);
  REQUIRE_FALSE(walking.feed(std::span(bytes).first(bytes.size() - 1)));
  CHECK(walking.state() == walk_state::needs_more);
  CHECK(walking.offset() == file_of_all_kinds().without_table().size());
  REQUIRE_FALSE(walking.feed({}));
  CHECK(walking.state() == walk_state::needs_more);
  // What lies beyond the size is passed over.
  REQUIRE_FALSE(walking.feed(join({{bytes.back()}, bytes})));
  CHECK(walking.state() == walk_state::complete);
  REQUIRE_FALSE(walking.feed(bytes));
  CHECK(walking.state() == walk_state::complete);
}

TEST_CASE("a bad frame is seen before the rest of the file comes") {
  const byte_vector good = frame_of(text_of(1, 500));
  frame_walk walking(std::uint64_t{1} << 40U);
  REQUIRE_FALSE(walking.feed(join({good, number(0x12345678, 4)})));
  CHECK(walking.state() == walk_state::bad);
  CHECK(walking.offset() == good.size());
}

TEST_CASE("a file with any bit changed is never walked to a wrong frame") {
  const std::vector<byte_vector> blobs{text_of(1, 200), text_of(2, 100), noise_of(3, 40)};
  file_of_frames file;
  file.add_plain(blobs[0]);
  file.add(frame_without_size(blobs[1]), 100);
  file.add(skippable_frame(3), 0);
  file.add_plain(blobs[2]);
  const byte_vector bytes = file.with_table();
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    byte_vector changed = bytes;
    changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    frame_walk walking(changed.size());
    REQUIRE_FALSE(walking.feed(changed));
    INFO("bit " << bit);
    REQUIRE(walking.state() != walk_state::needs_more);
    // A few bits mean nothing: those that a skippable frame skips, its variant, unused ones of
    // headers and table.
    if (walking.state() == walk_state::complete)
      REQUIRE(sizes_in(walking.frames()) == file.sizes());
    for (std::size_t i = 0; i < walking.frames().count(); ++i) {
      const codec::placed_frame frame = walking.frames()[i];
      if (frame.sizes.plain == 0) continue;
      byte_vector plain(frame.sizes.plain);
      const auto stored = std::span(changed).subspan(static_cast<std::size_t>(frame.stored_start),
                                                     frame.sizes.stored);
      REQUIRE_FALSE(codec::decoder().decode_whole(stored, plain));
      REQUIRE(std::find(blobs.begin(), blobs.end(), plain) != blobs.end());
    }
    // The frames before the changed byte are found all the same.
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < file.sizes().size() && (end += file.sizes()[i].stored) <= bit / 8;
         ++i) {
      REQUIRE(walking.frames().count() > i);
      REQUIRE(walking.frames()[i].sizes == file.sizes()[i]);
    }
  }
}

TEST_CASE("a frame whose checksum or content size is wrong is bad") {
  byte_vector wrong_checksum = frame_of(text_of(2, 300));
  wrong_checksum.back() ^= std::byte{1};
  check_bad(wrong_checksum);
  const byte_vector block = raw_block(noise_of(1, 50), true);
  check_bad(join({header_of({0x20, 49}), block}));
  check_bad(join({header_of({0x20, 51}), block}));
  check_bad(join({header_of({0x20, 10}), repeated_block(std::byte{1}, 100'000, true)}));
}

TEST_CASE("a frame with a block that no decoder takes is bad, wherever the block stands") {
  const byte_vector block = raw_block(noise_of(1, 50), false);
  const byte_vector last = raw_block(noise_of(2, 50), true);
  const byte_vector empty_compressed = number(2U << 1U, 3);
  const byte_vector reserved = number(3U << 1U | 50U << 3U, 3);
  for (const byte_vector& wrong : {empty_compressed, reserved}) {
    check_bad(join({header_of({0x00, 0x38}), wrong, last}));
    check_bad(join({header_of({0x00, 0x38}), block, wrong, last}));
  }
  check_bad(join({header_of({0x20, 50}), block, number((2U << 1U) | 1U, 3)}));
}

TEST_CASE("frames that are not supported are bad") {
  const byte_vector block = raw_block(noise_of(1, 10), true);
  // A dictionary, a reserved bit, windows, content sizes.
  check_bad(join({header_of({0x21, 7, 10}), block}));
  check_bad(join({header_of({0x28, 10}), block}));
  check_bad(join({header_of({0x00, 0xFF}), block}));
  check_bad(join({header_of({0x00, (17U << 3U) + 1}), block}));
  check_bad(join({header_of({0xE0, 0, 0, 0, 0, 0, 0, 0, 0x40}), block}));
  check_bad(join({header_of({0xC0, 0, 0, 0, 0, 0, 1, 0, 0, 0}), block}));
  for (unsigned variant = 0x22; variant <= 0x27; ++variant) {
    byte_vector old = frame_of(text_of(1, 100));
    old[0] = static_cast<std::byte>(variant);
    check_bad(old);
  }
}

TEST_CASE("the largest window there may be is walked") {
  const byte_vector frame = join({header_of({0x00, 17U << 3U}), raw_block(noise_of(1, 10), true)});
  CHECK(walk(frame) == walked{walk_state::table_missing,
                              frame.size(),
                              {{static_cast<std::uint32_t>(frame.size()), 10}}});
}

TEST_CASE("a skippable frame that reaches beyond the file is bad at once") {
  const byte_vector good = frame_of(text_of(1, 500));
  frame_walk walking(good.size() + 100);
  REQUIRE_FALSE(walking.feed(join({good, number(0x184D2A50, 4), number(93, 4)})));
  CHECK(walking.state() == walk_state::bad);
  CHECK(walking.offset() == good.size());
}

TEST_CASE("a skippable frame of 4 GiB is bad, for no table can name it") {
  frame_walk walking(std::uint64_t{1} << 40U);
  REQUIRE_FALSE(walking.feed(join({number(0x184D2A50, 4), number(0xFFFFFFF8, 4)})));
  CHECK(walking.state() == walk_state::bad);
  frame_walk at_the_limit(std::uint64_t{1} << 40U);
  REQUIRE_FALSE(at_the_limit.feed(join({number(0x184D2A50, 4), number(0xFFFFFFF7, 4)})));
  CHECK(at_the_limit.state() == walk_state::needs_more);
}

TEST_CASE("a table that disagrees with the frames is bad where it starts") {
  const auto file = file_of_all_kinds();
  const byte_vector frames = file.without_table();
  const auto check_disagrees = [&](const byte_vector& table) {
    CHECK(walk(join({frames, table})) == walked{walk_state::bad, frames.size(), file.sizes()});
  };
  auto shifted = file.sizes();
  --shifted[0].stored;
  ++shifted[1].stored;
  check_disagrees(table_of(shifted));
  auto wrong_plain = file.sizes();
  ++wrong_plain[4].plain;
  check_disagrees(table_of(wrong_plain));
  auto merged = file.sizes();
  merged[0].stored += merged[1].stored;
  merged[0].plain += merged[1].plain;
  merged.erase(merged.begin() + 1);
  check_disagrees(table_of(merged));
  check_disagrees(table_of({}));
  auto without_footer = file.with_table();
  without_footer.back() ^= std::byte{1};
  CHECK(walk(without_footer).state == walk_state::bad);
  // A skippable frame of the table's magic number at the end that is no table.
  check_disagrees(skippable_frame(8 * file.sizes().size() + 9, 14));
  check_disagrees(skippable_frame(0, 14));
  check_disagrees(skippable_frame(1000, 14));
}

TEST_CASE("a table in the middle of a file is a skippable frame") {
  const auto first = file_of_all_kinds();
  file_of_frames file;
  file.add_plain(text_of(1, 100));
  file.add(table_of({file.sizes()[0]}), 0);
  file.add_plain(text_of(2, 100));
  CHECK(walk(file.with_table()) ==
        walked{walk_state::complete, file.without_table().size(), file.sizes()});
  CHECK(walk(file.without_table()).state == walk_state::table_missing);
}

TEST_CASE("tables and frames inside a blob are not looked for") {
  // A blob that is itself a compressed file with a table stands in a raw block, the frame is cut
  // behind it, and the sizes of that table add up with the frames before it.
  const byte_vector good = frame_of(text_of(1, 500));
  const auto good_size = static_cast<std::uint32_t>(good.size());
  const byte_vector begin = join({header_of({0x04, 0x58}), number(0xFFFFFF, 3)});
  const byte_vector header = join({header_of({0x04, 0x58}), number(1U | (9 + 8 + 16U) << 3U, 3)});
  const byte_vector table =
      table_of({{good_size, 500}, {static_cast<std::uint32_t>(header.size()), 33}});
  const walked at_the_cut{walk_state::bad, good.size(), {{good_size, 500}}};
  CHECK(walk(join({good, header, table})) == at_the_cut);
  CHECK(walk(join({good, begin, good, table_of({{good_size, 500}})})) == at_the_cut);
}

TEST_CASE("a blob that is a compressed file itself is a frame as any other") {
  const byte_vector inner = file_of_all_kinds().with_table();
  file_of_frames file;
  file.add_plain(inner);
  file.add_plain(inner);
  CHECK(walk(file.with_table()) ==
        walked{walk_state::complete, file.without_table().size(), file.sizes()});
  CHECK(walk(file.without_table()).state == walk_state::table_missing);
}

TEST_CASE("bytes behind the table are bad where the table is not at the end") {
  const auto file = file_of_all_kinds();
  const walked found = walk(join({file.with_table(), byte_vector(3)}));
  CHECK(found.state == walk_state::bad);
  CHECK(found.offset == file.with_table().size());
}

}  // namespace conduit::test
