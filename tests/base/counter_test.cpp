#include "base/counter.hpp"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

namespace conduit {
namespace {

TEST_CASE("a counter starts at zero and adds up") {
  counter counted;
  CHECK(counted.value() == 0);
  counted.add(2);
  counted.add(3);
  CHECK(counted.value() == 5);
}

TEST_CASE("no count is lost when several threads count at once") {
  constexpr std::uint64_t rounds = 100'000;
  counter counted;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&counted] {
      for (std::uint64_t round = 0; round < rounds; ++round) counted.add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(counted.value() == 4 * rounds);
}

TEST_CASE("a counter goes on to count when the thread that began it has ended") {
  counter counted;
  std::thread([&counted] { counted.add(1); }).join();
  counted.add(1);
  std::thread([&counted] { counted.add(1); }).join();
  CHECK(counted.value() == 3);
}

}  // namespace
}  // namespace conduit
