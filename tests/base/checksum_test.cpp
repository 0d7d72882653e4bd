#include "base/checksum.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <span>
#include <string_view>

namespace conduit::test {

namespace {

std::uint32_t checksum_of_text(std::string_view text) {
  return checksum_of(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace

TEST_CASE("the checksum is the low half of XXH3-64 and never 0") {
  // XXH3_64bits of nothing is 0x2D06800538D394C2, by the published test vectors of xxHash.
  CHECK(checksum_of_text("") == 0x38D394C2);
  CHECK(checksum_of({}) == 0x38D394C2);
  CHECK(checksum_of_text("a") != checksum_of_text("b"));
  CHECK(checksum_of_text("a") != 0);
}

}  // namespace conduit::test
