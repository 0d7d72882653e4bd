#include "codec/frame_index.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <vector>

namespace conduit::test {

namespace {

using codec::frame_index;
using codec::frame_sizes;
using codec::placed_frame;

frame_index index_of(const std::vector<frame_sizes>& frames) {
  frame_index index;
  for (const frame_sizes& frame : frames) index.append(frame);
  return index;
}

std::vector<placed_frame> frames_of(const frame_index& index, std::uint64_t start,
                                    std::uint64_t end) {
  std::vector<placed_frame> found;
  for (const placed_frame& frame : index.covering(start, end)) found.push_back(frame);
  return found;
}

}  // namespace

TEST_CASE("an index without frames has no bytes and covers nothing") {
  const frame_index index;
  CHECK(index.count() == 0);
  CHECK(index.stored_size() == 0);
  CHECK(index.plain_size() == 0);
  CHECK(frames_of(index, 0, 0).empty());
  CHECK(frames_of(index, 0, std::numeric_limits<std::uint64_t>::max()).empty());
}

TEST_CASE("each frame begins where the one before it ends") {
  const frame_index index = index_of({{20, 100}, {30, 0}, {40, 200}});
  REQUIRE(index.count() == 3);
  CHECK(index[0] == placed_frame{0, 0, {20, 100}});
  CHECK(index[1] == placed_frame{20, 100, {30, 0}});
  CHECK(index[2] == placed_frame{50, 100, {40, 200}});
  CHECK(index[2].stored_end() == index.stored_size());
  CHECK(index[2].plain_end() == index.plain_size());
}

TEST_CASE("a range of plain bytes is covered by exactly the frames that hold some of it") {
  // Frames without plain bytes stand in front, between and behind.
  const frame_index index =
      index_of({{9, 0}, {9, 0}, {20, 3}, {20, 1}, {9, 0}, {9, 0}, {20, 4}, {20, 2}, {9, 0}});
  for (std::uint64_t start = 0; start <= index.plain_size() + 1; ++start) {
    for (std::uint64_t end = 0; end <= index.plain_size() + 1; ++end) {
      std::vector<placed_frame> expected;
      for (std::size_t i = 0; i < index.count(); ++i) {
        const placed_frame frame = index[i];
        if (start < end && frame.sizes.plain != 0 && frame.plain_start < end &&
            frame.plain_end() > start)
          expected.push_back(frame);
      }
      REQUIRE(frames_of(index, start, end) == expected);
    }
  }
}

TEST_CASE("a range that ends before it starts is covered by no frame") {
  const frame_index index = index_of({{20, 100}, {20, 100}});
  CHECK(frames_of(index, 150, 50).empty());
  CHECK(frames_of(index, std::numeric_limits<std::uint64_t>::max(), 0).empty());
}

TEST_CASE("offsets go beyond 32 bits") {
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  frame_index index;
  for (int i = 0; i < 10; ++i) index.append({most, most});
  CHECK(index.stored_size() == std::uint64_t{most} * 10);
  const auto last =
      frames_of(index, index.plain_size() - 1, std::numeric_limits<std::uint64_t>::max());
  REQUIRE(last.size() == 1);
  CHECK(last[0] == placed_frame{std::uint64_t{most} * 9, std::uint64_t{most} * 9, {most, most}});
}

TEST_CASE("a frame takes 16 bytes of an index") {
  // What is kept of a frame is its two ends.
  CHECK(sizeof(frame_index) == sizeof(std::vector<int>));
  frame_index index;
  index.reserve(100);
  for (int i = 0; i < 100; ++i) index.append({10, 1});
  CHECK(index.count() == 100);
}

}  // namespace conduit::test
