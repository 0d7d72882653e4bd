#include "base/unique_fd.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>

#include <utility>

namespace conduit::test {

namespace {

unique_fd null_device() { return unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace

TEST_CASE("a descriptor is closed with its owner") {
  int number = -1;
  {
    const unique_fd owner = null_device();
    REQUIRE(owner);
    number = owner.get();
    CHECK(is_open(number));
  }
  CHECK_FALSE(is_open(number));
}

TEST_CASE("a descriptor has one owner") {
  unique_fd first = null_device();
  const int number = first.get();
  unique_fd second(std::move(first));
  CHECK(second.get() == number);
  unique_fd third;
  CHECK_FALSE(third);
  third = std::move(second);
  CHECK(is_open(number));
  third = null_device();
  CHECK(third.get() != number);
  CHECK_FALSE(is_open(number));
}

TEST_CASE("a released descriptor stays open and an assigned one replaces the old") {
  unique_fd owner = null_device();
  const int number = owner.release();
  CHECK_FALSE(owner);
  CHECK(is_open(number));
  owner.reset(number);
  owner.reset(number);
  CHECK(is_open(number));
  owner.reset();
  CHECK_FALSE(is_open(number));
}

}  // namespace conduit::test
