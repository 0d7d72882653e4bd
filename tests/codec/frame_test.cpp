#include "codec/frame.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <limits>
#include <system_error>

#include "codec/frames.hpp"

namespace conduit::test {

namespace {

using codec::decoder;
using codec::encoder;

// Around a block of 128 KiB, around the sizes that header fields have, and some beyond.
constexpr std::size_t sizes[] = {0,       1,       2,       100,     255,       256,
                                 257,     4096,    65'535,  65'536,  65'791,    65'792,
                                 131'071, 131'072, 131'073, 262'144, 1'000'000, 3'000'001};

std::error_code decode(const byte_vector& stored, std::size_t plain_size) {
  byte_vector plain(plain_size);
  return decoder().decode_whole(stored, plain);
}

std::error_code decode_all_as_range(const byte_vector& stored, std::size_t plain_size) {
  byte_vector plain(plain_size);
  return decoder().decode_range(stored, static_cast<std::uint32_t>(plain_size), 0, plain);
}

// What a reader must refuse whichever way it reads.
void check_corrupt(const byte_vector& stored, std::size_t plain_size) {
  CHECK(decode(stored, plain_size) == errc::corrupt);
  CHECK(decode_all_as_range(stored, plain_size) == errc::corrupt);
}

byte_vector part_of(const byte_vector& bytes, std::size_t start, std::size_t size) {
  const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(start);
  return {first, first + static_cast<std::ptrdiff_t>(size)};
}

}  // namespace

TEST_CASE("frames of every size come back, text and noise, at every kind of level") {
  decoder reading;
  for (const int level : {-5, 1, 3, 9}) {
    encoder writing(level);
    for (const std::size_t size : sizes) {
      for (const byte_vector& plain : {text_of(size, size), noise_of(size, size)}) {
        byte_vector stored(codec::frame_bound(size));
        std::uint32_t stored_size = 0;
        REQUIRE_FALSE(writing.encode(plain, stored, stored_size));
        stored.resize(stored_size);
        byte_vector found(size);
        REQUIRE_FALSE(reading.decode_whole(stored, found));
        REQUIRE(found == plain);
      }
    }
  }
}

TEST_CASE("a level beyond zstd's is its last") {
  const byte_vector plain = text_of(1, 20'000);
  CHECK(frame_of(plain, 1000) == frame_of(plain, 22));
  CHECK_FALSE(decode(frame_of(plain, std::numeric_limits<int>::min()), plain.size()));
}

TEST_CASE("frames are appended to what is there") {
  encoder writing(3);
  byte_vector file = noise_of(1, 10);
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  REQUIRE_FALSE(writing.append(text_of(1, 5000), file, first));
  REQUIRE_FALSE(writing.append(text_of(2, 100), file, second));
  CHECK(file == join({noise_of(1, 10), frame_of(text_of(1, 5000)), frame_of(text_of(2, 100))}));
  CHECK(file.size() == 10 + first + second);
}

TEST_CASE("a frame that does not fit the caller's memory is an error, and the encoder goes on") {
  encoder writing(3);
  const byte_vector plain = noise_of(1, 1000);
  byte_vector stored(500);
  std::uint32_t stored_size = 0;
  CHECK(writing.encode(plain, stored, stored_size) == std::errc::no_buffer_space);
  stored.resize(codec::frame_bound(plain.size()));
  CHECK_FALSE(writing.encode(plain, stored, stored_size));
}

TEST_CASE("more plain bytes than a table can name are refused unread") {
  if constexpr (sizeof(std::size_t) > 4) {
    encoder writing(3);
    const std::byte one{};
    byte_vector stored;
    std::uint32_t stored_size = 0;
    const std::span<const std::byte> too_many(&one, std::size_t{1} << 32U);
    CHECK(writing.encode(too_many, stored, stored_size) == std::errc::value_too_large);
    CHECK(writing.append(too_many, stored, stored_size) == std::errc::value_too_large);
    CHECK(stored.empty());
  }
}

TEST_CASE("a frame of the original is decoded without a content size") {
  for (const std::size_t size : sizes) {
    for (const bool checksum : {true, false}) {
      const byte_vector stored = frame_without_size(text_of(size, size), checksum);
      byte_vector found(size);
      REQUIRE_FALSE(decoder().decode_whole(stored, found));
      REQUIRE(found == text_of(size, size));
      REQUIRE_FALSE(decode_all_as_range(stored, size));
      if (size != 0) check_corrupt(stored, size - 1);
      check_corrupt(stored, size + 1);
    }
  }
}

TEST_CASE("every range of a frame is the same part of the whole") {
  decoder reading;
  for (const std::size_t size : {1U, 1000U, 131'072U, 500'000U}) {
    const byte_vector plain = text_of(size, size);
    for (const byte_vector& stored : {frame_of(plain), frame_without_size(plain)}) {
      for (const std::size_t start : {std::size_t{0}, size / 3, size / 2, size - 1, size}) {
        for (const std::size_t length :
             {std::size_t{0}, std::size_t{1}, size / 4, size / 2, size}) {
          const std::size_t taken = std::min(length, size - start);
          byte_vector found(taken);
          REQUIRE_FALSE(reading.decode_range(stored, static_cast<std::uint32_t>(size),
                                             static_cast<std::uint32_t>(start), found));
          REQUIRE(found == part_of(plain, start, taken));
        }
      }
    }
  }
}

TEST_CASE("a range beyond the frame's plain bytes is out of range") {
  const byte_vector stored = frame_of(text_of(1, 100));
  byte_vector to(2);
  CHECK(decoder().decode_range(stored, 100, 99, to) == errc::out_of_range);
  CHECK(decoder().decode_range(stored, 100, 101, {}) == errc::out_of_range);
  CHECK(decoder().decode_range(stored, 100, std::numeric_limits<std::uint32_t>::max(), to) ==
        errc::out_of_range);
  CHECK_FALSE(decoder().decode_range(stored, 100, 98, to));
  CHECK_FALSE(decoder().decode_range(stored, 100, 100, {}));
}

TEST_CASE("a range stops before a fault behind it, and finds one that it reaches") {
  const byte_vector plain = noise_of(1, 600'000);
  byte_vector stored = frame_of(plain);
  stored.back() ^= std::byte{1};
  byte_vector found(1000);
  CHECK_FALSE(decoder().decode_range(stored, 600'000, 500, found));
  CHECK(found == part_of(plain, 500, 1000));
  CHECK_FALSE(decoder().decode_range(stored, 600'000, 598'999, found));
  CHECK(decoder().decode_range(stored, 600'000, 599'000, found) == errc::corrupt);
}

TEST_CASE("a frame of another size than expected is corrupt") {
  const byte_vector stored = frame_of(text_of(1, 1000));
  for (const std::size_t size : {0U, 1U, 999U, 1001U, 5000U}) check_corrupt(stored, size);
}

TEST_CASE("a frame that expands past its size is corrupt") {
  const byte_vector block = repeated_block(std::byte{7}, 100'000, true);
  // It pledges 100 bytes; it pledges none; it pledges more than it has.
  check_corrupt(join({header_of({0x20, 100}), block}), 100);
  check_corrupt(join({header_of({0x00, 0x38}), block}), 100);
  check_corrupt(join({header_of({0xA0, 0xFF, 0xFF, 0x01, 0}), block}), 131'071);
  CHECK_FALSE(decode(join({header_of({0x00, 0x38}), block}), 100'000));
  // The excess is one byte in a block of its own.
  const byte_vector more = join({header_of({0x00, 0x38}), raw_block(noise_of(1, 50), false),
                                 raw_block(noise_of(2, 1), true)});
  check_corrupt(more, 50);
  CHECK_FALSE(decode_all_as_range(more, 51));
}

TEST_CASE("bytes behind the frame, and bytes that are missing, are corrupt") {
  const byte_vector stored = frame_of(text_of(1, 1000));
  check_corrupt(join({stored, byte_vector(1)}), 1000);
  check_corrupt(join({stored, stored}), 1000);
  check_corrupt(join({stored, frame_of({})}), 1000);
  check_corrupt(join({skippable_frame(10), stored}), 1000);
  check_corrupt(join({stored, skippable_frame(0)}), 1000);
  for (std::size_t size = 0; size < stored.size(); ++size)
    check_corrupt(part_of(stored, 0, size), 1000);
}

TEST_CASE("a skippable frame is not decoded") { check_corrupt(skippable_frame(20), 0); }

TEST_CASE("a forged content size is corrupt and allocates nothing") {
  const byte_vector block = raw_block(noise_of(1, 10), true);
  const byte_vector single = join({header_of({0xE0, 0, 0, 0, 0, 0, 0, 0, 0x40}), block});
  const byte_vector windowed = join({header_of({0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40}), block});
  for (const std::size_t size : {0U, 10U, 1000U}) {
    check_corrupt(single, size);
    check_corrupt(windowed, size);
  }
}

TEST_CASE("a huge window is corrupt") {
  const byte_vector block = raw_block(noise_of(1, 10), true);
  check_corrupt(join({header_of({0x00, 0xFF}), block}), 10);
  check_corrupt(join({header_of({0x00, (17U << 3U) + 1}), block}), 10);
  CHECK_FALSE(decode(join({header_of({0x00, 17U << 3U}), block}), 10));
  CHECK_FALSE(decode_all_as_range(join({header_of({0x00, 17U << 3U}), block}), 10));
}

TEST_CASE("a frame that needs a dictionary is corrupt") {
  const byte_vector block = raw_block(noise_of(1, 10), true);
  check_corrupt(join({header_of({0x21, 7, 10}), block}), 10);
  // A dictionary of id 0 is none.
  CHECK_FALSE(decode(join({header_of({0x21, 0, 10}), block}), 10));
}

TEST_CASE("a frame with a compressed block of 0 bytes is corrupt whichever way it is read") {
  // Decoding at once libzstd refuses it, piece by piece it passes over it.
  const byte_vector block = raw_block(noise_of(1, 10), true);
  check_corrupt(join({header_of({0x00, 0x38}), number(2U << 1U, 3), block}), 10);
  CHECK_FALSE(
      decode_all_as_range(join({header_of({0x00, 0x38}), raw_block({}, false), block}), 10));
}

TEST_CASE("frames of old formats are corrupt") {
  for (unsigned variant = 0x22; variant <= 0x27; ++variant) {
    byte_vector stored = frame_of(text_of(1, 100));
    stored[0] = static_cast<std::byte>(variant);
    check_corrupt(stored, 100);
  }
}

TEST_CASE("a frame with any bit changed never gives wrong bytes") {
  for (const byte_vector& plain : {text_of(1, 400), noise_of(2, 150)}) {
    for (const byte_vector& good : {frame_of(plain), frame_without_size(plain)}) {
      decoder reading;
      for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        byte_vector changed = good;
        changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        byte_vector whole(plain.size());
        if (!reading.decode_whole(changed, whole)) REQUIRE(whole == plain);
        byte_vector range(plain.size());
        if (!reading.decode_range(changed, static_cast<std::uint32_t>(plain.size()), 0, range))
          REQUIRE(range == plain);
      }
    }
  }
}

TEST_CASE("a decoder goes on after an error") {
  decoder reading;
  const byte_vector plain = text_of(1, 300'000);
  const byte_vector good = frame_of(plain);
  byte_vector bad = good;
  bad[bad.size() / 2] ^= std::byte{0xFF};
  for (int round = 0; round < 3; ++round) {
    byte_vector found(plain.size());
    CHECK(reading.decode_whole(bad, found) == errc::corrupt);
    CHECK(reading.decode_range(bad, 300'000, 0, found) == errc::corrupt);
    CHECK_FALSE(reading.decode_whole(good, found));
    CHECK(found == plain);
    found.assign(found.size(), std::byte{0});
    CHECK_FALSE(reading.decode_range(good, 300'000, 0, found));
    CHECK(found == plain);
  }
}

TEST_CASE("encoders and decoders can be moved") {
  encoder first(3);
  byte_vector stored;
  std::uint32_t stored_size = 0;
  REQUIRE_FALSE(first.append(text_of(1, 100), stored, stored_size));
  encoder second = std::move(first);
  stored.clear();
  REQUIRE_FALSE(second.append(text_of(2, 100), stored, stored_size));
  decoder reading;
  byte_vector found(100);
  REQUIRE_FALSE(reading.decode_whole(stored, found));
  decoder moved = std::move(reading);
  REQUIRE_FALSE(moved.decode_whole(stored, found));
  CHECK(found == text_of(2, 100));
}

}  // namespace conduit::test
