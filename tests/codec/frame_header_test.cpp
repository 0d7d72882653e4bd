#include "codec/frame_header.hpp"

#include <catch2/catch.hpp>
#include <cstdint>

#include "codec/frames.hpp"

namespace conduit::test {

namespace {

using codec::frame_header;
using codec::header_state;

frame_header header_in(const byte_vector& bytes) {
  frame_header header;
  REQUIRE(codec::inspect_frame_header(bytes, header) == header_state::whole);
  return header;
}

header_state state_of(const byte_vector& bytes) {
  frame_header header;
  return codec::inspect_frame_header(bytes, header);
}

}  // namespace

TEST_CASE("a frame that the codec wrote pledges its size and a checksum") {
  for (const std::size_t size : {0U, 1U, 255U, 256U, 65'791U, 65'792U, 300'000U}) {
    const frame_header header = header_in(frame_of(text_of(1, size)));
    CHECK(header.content_size == size);
    CHECK(header.has_checksum);
    CHECK_FALSE(header.skippable);
    CHECK(header.dictionary == 0);
    CHECK(header.is_supported());
  }
}

TEST_CASE("a frame of the original pledges no size") {
  const frame_header header = header_in(frame_without_size(text_of(1, 1000)));
  CHECK_FALSE(header.content_size);
  CHECK(header.has_checksum);
  CHECK(header.window_size >= 1000);
  CHECK(header.is_supported());
}

TEST_CASE("every field of a header is found") {
  // Single segment, four bytes of dictionary, eight of content size.
  const frame_header large = header_in(header_of({0xE3, 1, 2, 3, 4, 1, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(large.header_size == 17);
  CHECK(large.dictionary == 0x04030201);
  CHECK(large.content_size == 1U);
  CHECK(large.window_size == 1);
  CHECK_FALSE(large.has_checksum);
  // A window, two bytes of dictionary, two of content size, which count from 256.
  const frame_header medium = header_in(header_of({0x46, 0x0B, 5, 6, 1, 0}));
  CHECK(medium.header_size == 10);
  CHECK(medium.dictionary == 0x0605);
  CHECK(medium.content_size == 257U);
  CHECK(medium.window_size == 2048 + 3 * 256);
  CHECK(medium.has_checksum);
  // The largest header.
  CHECK(header_in(header_of({0xC3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0})).header_size ==
        codec::frame_header_size_max);
}

TEST_CASE("a skippable frame tells how much it skips") {
  for (unsigned variant = 0; variant < 16; ++variant) {
    const frame_header header = header_in(skippable_frame(77, variant));
    CHECK(header.skippable);
    CHECK(header.magic == 0x184D2A50 + variant);
    CHECK(header.header_size == 8);
    CHECK(header.skipped_size == 77);
  }
}

TEST_CASE("a header that is cut short asks for more, whatever it is") {
  for (const byte_vector& whole : {header_of({0xC3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}),
                                   header_of({0x20, 0}), skippable_frame(0)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CHECK(state_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}) ==
            header_state::cut);
    }
    CHECK(state_of(whole) == header_state::whole);
  }
}

TEST_CASE("bytes with which no frame begins are invalid") {
  CHECK(state_of(number(0, 4)) == header_state::invalid);
  CHECK(state_of(number(0x184D2A60, 4)) == header_state::invalid);
  CHECK(state_of(number(0x184D2A4F, 4)) == header_state::invalid);
  // A reserved bit.
  CHECK(state_of(header_of({0x28, 1})) == header_state::invalid);
}

TEST_CASE("frames of the formats before zstd 0.8 are invalid") {
  for (const std::uint32_t magic : {0x1EB52FFDU, 0xFD2FB522U, 0xFD2FB523U, 0xFD2FB524U, 0xFD2FB525U,
                                    0xFD2FB526U, 0xFD2FB527U}) {
    CHECK(state_of(join({number(magic, 4), byte_vector(20)})) == header_state::invalid);
  }
}

TEST_CASE("dictionaries, large windows and sizes beyond 32 bits are not supported") {
  CHECK_FALSE(header_in(header_of({0x21, 7, 100})).is_supported());
  // 2^27 bytes of window, and an eighth more.
  CHECK(header_in(header_of({0x00, 17U << 3U})).is_supported());
  CHECK_FALSE(header_in(header_of({0x00, (17U << 3U) + 1})).is_supported());
  CHECK_FALSE(header_in(header_of({0x00, 0xFF})).is_supported());
  // 2^62 bytes as a single segment, and with a small window; 2^32 - 1 and 2^32 bytes.
  CHECK_FALSE(header_in(header_of({0xE0, 0, 0, 0, 0, 0, 0, 0, 0x40})).is_supported());
  CHECK_FALSE(header_in(header_of({0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40})).is_supported());
  CHECK(header_in(header_of({0xC0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0})).is_supported());
  CHECK_FALSE(header_in(header_of({0xC0, 0, 0, 0, 0, 0, 1, 0, 0, 0})).is_supported());
}

}  // namespace conduit::test
