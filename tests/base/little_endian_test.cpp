#include "base/little_endian.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <limits>

namespace conduit::test {

TEST_CASE("integers are stored with their lowest byte first") {
  std::array<std::byte, 8> bytes{};
  store_little_endian(bytes.data(), std::uint64_t{0x1122334455667788});
  CHECK(bytes == std::array{std::byte{0x88}, std::byte{0x77}, std::byte{0x66}, std::byte{0x55},
                            std::byte{0x44}, std::byte{0x33}, std::byte{0x22}, std::byte{0x11}});
  CHECK(load_little_endian<std::uint64_t>(bytes.data()) == 0x1122334455667788);
  CHECK(load_little_endian<std::uint32_t>(bytes.data() + 1) == 0x44556677);  // no alignment needed
}

TEST_CASE("every byte of an integer survives") {
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t value = std::uint64_t{1} << bit;
    std::array<std::byte, 8> bytes{};
    store_little_endian(bytes.data(), value);
    REQUIRE(load_little_endian<std::uint64_t>(bytes.data()) == value);
  }
  std::array<std::byte, 4> bytes{};
  store_little_endian(bytes.data(), std::numeric_limits<std::uint32_t>::max());
  CHECK(load_little_endian<std::uint32_t>(bytes.data()) ==
        std::numeric_limits<std::uint32_t>::max());
}

}  // namespace conduit::test
