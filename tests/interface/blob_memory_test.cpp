// The memory of a blob.
#include <catch2/catch.hpp>
#include <conduit/blob.hpp>

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace conduit::test {

TEST_CASE("a blob of a page or more begins at a multiple of 64 and has all of its bytes") {
  std::vector<blob> blobs;
  for (const std::size_t size : {4096U, 4097U, 100'000U, 1U << 20, 10U << 20}) {
    for (int i = 0; i < 5; ++i) {
      blob& one = blobs.emplace_back(size);
      CHECK(reinterpret_cast<std::uintptr_t>(one.data()) % 64 == 0);
      CHECK(one.size() == size);
      std::memset(one.data(), i, size);
    }
  }
}

TEST_CASE("a small blob has its size, and an empty one none") {
  blob small(100);
  std::memset(small.data(), 1, small.size());
  CHECK(small.size() == 100);
  CHECK(blob(0).empty());
  CHECK(blob().data() == nullptr);
}

TEST_CASE("a blob that is moved carries its memory along and leaves none") {
  blob first(5000);
  const std::byte* const memory = first.data();
  blob second(std::move(first));
  CHECK(second.data() == memory);
  CHECK(second.size() == 5000);
  blob third(10);
  third = std::move(second);
  CHECK(third.data() == memory);
  CHECK(third.bytes().size() == 5000);
  // NOLINTNEXTLINE(bugprone-use-after-move): that is the subject.
  CHECK((first.empty() && first.data() == nullptr && second.empty() && second.data() == nullptr));
}

}  // namespace conduit::test
