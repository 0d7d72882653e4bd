#include "lock/lock_record.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <vector>

namespace conduit::test {

namespace {

using lock::lock_record;

lock_record sample() {
  lock_record record;
  for (std::size_t i = 0; i < record.boot.size(); ++i)
    record.boot[i] = static_cast<std::byte>(i + 1);
  record.device = 0x1112131415161718;
  record.changes = 0x2122232425262728;
  record.end = 0x3132333435363738;
  record.highest = 0x41424344;
  record.mutable_file = 0x51525354;
  record.syncing = 0x61626364;
  record.poisoned = 0x71727374;
  return record;
}

}  // namespace

TEST_CASE("a record survives its encoding") {
  CHECK(lock_record::decode(sample().encode()) == sample());
  CHECK(lock_record::decode(lock_record{}.encode()) == lock_record{});
  lock_record extreme;
  extreme.end = std::numeric_limits<std::uint64_t>::max();
  extreme.highest = std::numeric_limits<std::uint32_t>::max();
  CHECK(lock_record::decode(extreme.encode()) == extreme);
}

TEST_CASE("a record has the bytes that are documented") {
  const auto bytes = sample().encode();
  constexpr std::array<unsigned char, 72> expected{
      'c',  'f',  'f',  'd',  'b',  'r',  'e',  'c',  1,    0,    0,    0,    7,    0,    0,
      0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,   11,   12,   13,   14,
      15,   16,   0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24,
      0x23, 0x22, 0x21, 0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31, 0x44, 0x43, 0x42, 0x41,
      0x54, 0x53, 0x52, 0x51, 0x64, 0x63, 0x62, 0x61, 0x74, 0x73, 0x72, 0x71};
  REQUIRE(bytes.size() == expected.size() + 8);
  CHECK(std::memcmp(bytes.data(), expected.data(), expected.size()) == 0);
}

TEST_CASE("number 0 is told from no number") {
  for (const bool set : {false, true}) {
    lock_record record;
    if (set) record.highest = record.syncing = record.poisoned = 0U;
    const auto found = lock_record::decode(record.encode());
    REQUIRE(found);
    CHECK(found->highest.has_value() == set);
    CHECK(found->syncing.has_value() == set);
    CHECK(found->poisoned.has_value() == set);
  }
}

TEST_CASE("a record with any bit changed is no record") {
  const auto good = sample().encode();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto changed = good;
    changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    REQUIRE_FALSE(lock_record::decode(changed));
  }
}

TEST_CASE("a record cut short, torn or too long is no record") {
  const auto good = sample().encode();
  for (std::size_t size = 0; size < good.size(); ++size) {
    REQUIRE_FALSE(lock_record::decode(std::span(good).first(size)));
    auto torn = good;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(size), torn.end(), std::byte{0});
    REQUIRE_FALSE(lock_record::decode(torn));
  }
  std::vector<std::byte> longer(good.begin(), good.end());
  longer.push_back(std::byte{0});
  CHECK_FALSE(lock_record::decode(longer));
}

}  // namespace conduit::test
