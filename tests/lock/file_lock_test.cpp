// Waits for the lock that are given up: what they leave in the kernel, and who joins it.
#include "lock/file_lock.hpp"

#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <filesystem>
#include <system_error>

#include "io/system_io.hpp"
#include "io/thread_service.hpp"
#include "support/descriptors.hpp"
#include "support/foreign_lock.hpp"
#include "support/temporary_directory.hpp"
#include "support/thread_limit.hpp"

namespace conduit::test {

namespace {

using namespace std::chrono_literals;

struct lock_under_test {
  lock_under_test() { REQUIRE_FALSE(lock.open(0600)); }

  // Gives up as soon as it waits in the kernel.
  std::error_code wait_in_vain() {
    return lock.acquire([this] { return !lock_is_waited_for(path); }, 1h);
  }

  const temporary_directory directory;
  const std::filesystem::path path = directory / "lock";
  asio::io_context context;
  io::system_io disk{io::thread_service::of(context)};
  lock::file_lock lock{
      disk, {path.string(), directory.path().string()}, lock::lock_mode::exclusive};
};

bool keep_waiting() { return true; }

}  // namespace

TEST_CASE("waits for the lock that were given up leave one thread and one descriptor in all") {
  lock_under_test own;
  foreign_lock other(own.path);
  REQUIRE(own.wait_in_vain() == asio::error::operation_aborted);
  const unsigned threads = count_threads();
  const int descriptors = descriptors_of(own.path);
  for (int i = 0; i < 20; ++i) {
    REQUIRE(own.wait_in_vain() == asio::error::operation_aborted);
    CHECK(count_threads() == threads);
    CHECK(descriptors_of(own.path) == descriptors);
  }
}

TEST_CASE("a wait for the lock joins one that was given up, and is told when that ends") {
  lock_under_test own;
  foreign_lock other(own.path);
  REQUIRE(own.wait_in_vain() == asio::error::operation_aborted);
  const auto release_once = [&] {
    other.release();
    return true;
  };
  REQUIRE_FALSE(own.lock.acquire(release_once, 1h));
  CHECK_FALSE(lock_is_free(own.path));
  own.lock.release();
  CHECK(lock_is_free(own.path));
}

TEST_CASE("a wait for the lock that was given up lets go of the lock when it gets it") {
  lock_under_test own;
  foreign_lock other(own.path);
  REQUIRE(own.wait_in_vain() == asio::error::operation_aborted);
  other.release();
  wait_until_lock_is_free(own.path);
  REQUIRE_FALSE(own.lock.acquire(keep_waiting, 1h));
  CHECK(own.lock.still_named());
}

TEST_CASE("a wait for the lock ends after its patience") {
  lock_under_test own;
  const foreign_lock other(own.path);
  CHECK(own.lock.acquire(keep_waiting, 1ms) == std::errc::timed_out);
}

TEST_CASE("a lock file that is opened anew is locked at once, whoever keeps the old one") {
  lock_under_test own;
  const foreign_lock other(own.path);
  REQUIRE(own.wait_in_vain() == asio::error::operation_aborted);
  std::filesystem::remove(own.path);
  REQUIRE_FALSE(own.lock.open(0600));
  REQUIRE_FALSE(own.lock.attempt());
  CHECK(own.lock.still_named());
  CHECK_FALSE(lock_is_free(own.path));
}

TEST_CASE("a wait for the lock that nobody needs any more is not begun") {
  lock_under_test own;
  const foreign_lock other(own.path);
  own.lock.give_up();
  CHECK(own.lock.acquire(keep_waiting, 1h) == asio::error::operation_aborted);
}

}  // namespace conduit::test
