#include "codec/block_header.hpp"

#include <catch2/catch.hpp>

#include "codec/frames.hpp"

namespace conduit::test {

namespace {

codec::block_header inspect(std::uint32_t value) {
  const byte_vector bytes = number(value, codec::block_header_size);
  return codec::inspect_block_header(std::span(bytes).first<codec::block_header_size>());
}

// Whether all blocks are valid, however the frame is cut into pieces.
bool scan(const byte_vector& frame, std::uint32_t header_size) {
  codec::block_scan at_once(header_size);
  const bool valid = at_once.feed(frame);
  codec::block_scan byte_by_byte(header_size);
  bool still_valid = true;
  for (const std::byte& one : frame) still_valid = byte_by_byte.feed({&one, 1});
  CHECK(still_valid == valid);
  return valid;
}

}  // namespace

TEST_CASE("a block's header tells what stands behind it") {
  const codec::block_header raw = inspect(1U | 0U << 1U | 1000U << 3U);
  CHECK((raw.valid && raw.last && raw.stored_size == 1000));
  const codec::block_header repeated = inspect(0U | 1U << 1U | 1000U << 3U);
  CHECK((repeated.valid && !repeated.last && repeated.stored_size == 1));
  const codec::block_header compressed = inspect(0U | 2U << 1U | 0x1FFFFFU << 3U);
  CHECK((compressed.valid && !compressed.last && compressed.stored_size == 0x1FFFFF));
}

TEST_CASE("a block of the reserved type and a compressed one of 0 bytes are not valid") {
  CHECK_FALSE(inspect(3U << 1U | 10U << 3U).valid);
  CHECK_FALSE(inspect(2U << 1U).valid);
  CHECK(inspect(0U << 1U).valid);
  CHECK(inspect(1U << 1U).valid);
}

TEST_CASE("blocks are looked at up to the last one, and nothing behind it") {
  const byte_vector header = header_of({0x00, 0x38});
  const byte_vector blocks = join({raw_block(noise_of(1, 50), false),
                                   repeated_block(std::byte{1}, 70, false), raw_block({}, true)});
  const byte_vector bad = number(3U << 1U, 3);
  const auto header_size = static_cast<std::uint32_t>(header.size());
  CHECK(scan(join({header, blocks}), header_size));
  CHECK(scan(join({header, blocks, bad}), header_size));
  CHECK_FALSE(scan(join({header, raw_block(noise_of(1, 50), false), bad, blocks}), header_size));
}

}  // namespace conduit::test
