// Locks that are borrowed for a moment: what a borrower that gives up leaves, and who joins it.
#include "lock/lent_locks.hpp"

#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <vector>

#include "io/system_io.hpp"
#include "io/thread_service.hpp"
#include "support/descriptors.hpp"
#include "support/foreign_lock.hpp"
#include "support/temporary_directory.hpp"
#include "support/thread_limit.hpp"

namespace conduit::test {

namespace {

using namespace std::chrono_literals;

struct lender {
  // Gives up as soon as it waits in the kernel.
  std::error_code borrow_in_vain() {
    return locks.with([this] { return !lock_is_waited_for(path); }, 1h, [this] { ++worked; });
  }

  std::error_code borrow() {
    return locks.with([] { return true; }, 1h, [this] { ++worked; });
  }

  const temporary_directory directory;
  const std::filesystem::path path = directory / "lock";
  asio::io_context context;
  io::system_io disk{io::thread_service::of(context)};
  lock::lent_locks locks{disk, {path.string(), directory.path().string()}};
  std::atomic<int> worked{0};
};

}  // namespace

TEST_CASE("a borrowed lock is shared, and free again behind the work") {
  lender own;
  foreign_lock reader(own.path);
  reader.share();
  bool free_meanwhile = true;
  REQUIRE_FALSE(own.locks.with([] { return true; }, 1h,
                               [&] {
                                 reader.release();
                                 free_meanwhile = lock_is_free(own.path);
                               }));
  CHECK_FALSE(free_meanwhile);
  CHECK(lock_is_free(own.path));
  CHECK(descriptors_of(own.path) == 1);  // the reader's
}

TEST_CASE("borrowers that give up one after the other leave one thread, and the next joins it") {
  lender own;
  foreign_lock writer(own.path);
  REQUIRE(own.borrow_in_vain() == asio::error::operation_aborted);
  const unsigned threads = count_threads();
  const int descriptors = descriptors_of(own.path);
  for (int i = 0; i < 20; ++i) {
    REQUIRE(own.borrow_in_vain() == asio::error::operation_aborted);
    CHECK(count_threads() == threads);
    CHECK(descriptors_of(own.path) == descriptors);
  }
  CHECK(own.worked == 0);
  writer.release();
  REQUIRE_FALSE(own.borrow());
  CHECK(own.worked == 1);
  CHECK(descriptors_of(own.path) == 1);  // the writer's
}

TEST_CASE("many threads borrow at once, and all are served when the holder lets go") {
  lender own;
  foreign_lock writer(own.path);
  std::vector<std::thread> borrowers;
  for (int i = 0; i < 8; ++i) borrowers.emplace_back([&] { static_cast<void>(own.borrow()); });
  while (!lock_is_waited_for(own.path)) std::this_thread::yield();
  writer.release();
  for (std::thread& one : borrowers) one.join();
  CHECK(own.worked == 8);
  CHECK(lock_is_free(own.path));
}

TEST_CASE("a borrower that joins a wait for a lock file that was replaced gets the new one") {
  lender own;
  foreign_lock writer(own.path);
  REQUIRE(own.borrow_in_vain() == asio::error::operation_aborted);
  std::filesystem::remove(own.path);
  const foreign_lock other_file(own.path);
  writer.release();
  CHECK(own.borrow_in_vain() == asio::error::operation_aborted);
  CHECK(own.worked == 0);
}

TEST_CASE("nobody works under the lock of a file that does not stand there") {
  lender own;
  CHECK(own.borrow() == std::errc::no_such_file_or_directory);
  CHECK(own.worked == 0);
}

}  // namespace conduit::test
