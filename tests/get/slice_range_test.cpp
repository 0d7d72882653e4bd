#include "get/slice_range.hpp"

#include <catch2/catch.hpp>

#include <limits>

namespace conduit::test {

namespace {

using detail::file_range;
using detail::range_of;

constexpr auto u64_max = std::numeric_limits<std::uint64_t>::max();
constexpr auto offset_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
constexpr data_location blob_of_100{3, 0, 1000, 1100};

bool is(const file_range& found, std::uint64_t start, std::uint64_t length, bool whole) {
  return found.valid && found.start == start && found.length == length && found.whole_blob == whole;
}

}  // namespace

TEST_CASE("a slice becomes a range of the file") {
  CHECK(is(range_of(blob_of_100, {}), 1000, 100, true));
  CHECK(is(range_of(blob_of_100, {0, 100}), 1000, 100, true));
  CHECK(is(range_of(blob_of_100, {0, 99}), 1000, 99, false));
  CHECK(is(range_of(blob_of_100, {1}), 1001, 99, false));
  CHECK(is(range_of(blob_of_100, {10, 20}), 1010, 10, false));
  CHECK(is(range_of(blob_of_100, {100, 100}), 1100, 0, false));
  CHECK(is(range_of(blob_of_100, {100}), 1100, 0, false));
  CHECK(is(range_of(blob_of_100, {50, 50}), 1050, 0, false));
  CHECK(is(range_of(blob_of_100, {0, 0}), 1000, 0, false));
}

TEST_CASE("a slice that reaches past the blob or ends before it starts is no range") {
  for (const slice part :
       {slice{0, 101}, slice{101, 0}, slice{101, 101}, slice{100, 101}, slice{20, 10},
        slice{0, u64_max - 1}, slice{u64_max, 0}, slice{u64_max, u64_max}, slice{1, 0}, slice{101},
        slice{u64_max - 999}}) {
    CAPTURE(part.start, part.end);
    CHECK_FALSE(range_of(blob_of_100, part).valid);
  }
}

TEST_CASE("an end of 0 means the blob's end only where the original's convention is asked for") {
  static_assert(slice::from_original(5, 0) == slice{5, slice::to_end});
  static_assert(slice::from_original(0, 0) == slice{});
  static_assert(slice::from_original(5, 7) == slice{5, 7});
  CHECK(is(range_of(blob_of_100, slice::from_original(0, 0)), 1000, 100, true));
}

TEST_CASE("an empty blob has one empty slice") {
  const data_location empty{1, 0, 5, 5};
  CHECK(is(range_of(empty, {}), 5, 0, true));
  CHECK_FALSE(range_of(empty, {0, 1}).valid);
  CHECK_FALSE(range_of(empty, {1}).valid);
}

TEST_CASE("no location reaches beyond what the kernel can address") {
  CHECK(range_of({0, 0, 0, offset_max}, {}).valid);
  CHECK(range_of({0, 0, offset_max, offset_max}, {}).valid);
  CHECK_FALSE(range_of({0, 0, 0, offset_max + 1}, {}).valid);
  CHECK_FALSE(range_of({0, 0, u64_max, u64_max}, {}).valid);
  CHECK_FALSE(range_of({0, 0, 10, 9}, {}).valid);
  CHECK_FALSE(range_of({0, 0, u64_max, 0}, {}).valid);
}

}  // namespace conduit::test
