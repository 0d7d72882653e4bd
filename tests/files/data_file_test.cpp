#include "files/data_file.hpp"

#include <catch2/catch.hpp>

#include <memory>

namespace conduit::test {

namespace {

std::shared_ptr<detail::file_frames> frames_of(std::size_t count) {
  constexpr codec::frame_sizes one{50, 100};
  codec::frame_index index;
  for (std::size_t i = 0; i < count; ++i) index.append(one);
  auto frames = std::make_shared<detail::file_frames>();
  frames->learn(std::move(index));
  return frames;
}

}  // namespace

TEST_CASE("knowledge of a file's frames is never replaced by less of it") {
  detail::data_file file({0, file_form::zstd}, unique_fd(), {}, {}, false, false);
  const auto many = frames_of(3);
  file.share(many);
  file.share(frames_of(1));
  CHECK(file.frames() == many);
  // The writer's own index of the same frames goes on to grow.
  const auto as_many = frames_of(3);
  file.share(as_many);
  CHECK(file.frames() == as_many);
}

}  // namespace conduit::test
