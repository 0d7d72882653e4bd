// The lock that is parked between two batches, and the watchman who may release it.
#include "lock/lease.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "io/system_io.hpp"
#include "io/thread_service.hpp"
#include "lock/store_lock.hpp"
#include "support/foreign_lock.hpp"
#include "support/scripted_disk.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {
namespace {

struct leased_lock {
  leased_lock() {
    REQUIRE_FALSE(own.open());
    while (!lease.begin(lock::lease::clock::now())) std::this_thread::yield();
  }

  void park() {
    std::optional<lock::held_lock> held = own.try_take();
    REQUIRE(held);
    // The record has to be written before the lock is free.
    REQUIRE_FALSE(held->announce_change());
    REQUIRE_FALSE(held->mark_syncing(0));
    lease.park(std::move(*held), lock::lease::clock::now());
  }

  lock::store_place place() const {
    lock::store_place found;
    found.directory_path = directory.path().string();
    found.lock_path = (directory / "lock").string();
    found.lock_permissions = 0600;
    return found;
  }

  const temporary_directory directory;
  asio::io_context context;
  const std::shared_ptr<disk_script> script = std::make_shared<disk_script>();
  scripted_disk disk{std::make_unique<io::system_io>(io::thread_service::of(context)), script};
  lock::store_lock own{disk, place()};
  lock::lease lease;
};

}  // namespace

TEST_CASE("a lock that was parked is taken back without a call to the kernel") {
  leased_lock under_test;
  under_test.park();
  under_test.script->forget_calls();
  std::optional<lock::held_lock> held = under_test.lease.resume();
  // A machine may be so slow that the watchman came first.
  if (held) CHECK(under_test.script->calls().empty());
  CHECK_FALSE(under_test.lease.resume());
}

TEST_CASE("the watchman releases a lock that is not taken back") {
  leased_lock under_test;
  foreign_lock other(under_test.directory / "lock");
  other.release();
  for (int i = 0; i < 20; ++i) {
    under_test.park();
    other.take();
    CHECK_FALSE(under_test.lease.resume());
    other.release();
    REQUIRE(under_test.lease.begin(lock::lease::clock::now()));
  }
}

TEST_CASE("a lock that the watchman is about to release is not taken back") {
  leased_lock under_test;
  std::promise<void> releasing;
  std::promise<void> resuming;
  under_test.script->before(io_call::write, [&, parker = std::this_thread::get_id()](auto&) {
    if (std::this_thread::get_id() == parker) return;
    releasing.set_value();
    resuming.get_future().wait();
  });
  under_test.park();
  releasing.get_future().wait();
  resuming.set_value();
  CHECK_FALSE(under_test.lease.resume());
  CHECK(lock_is_free(under_test.directory / "lock"));
}

}  // namespace conduit::test
