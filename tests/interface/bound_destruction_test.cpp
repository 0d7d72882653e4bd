// A bound context that is destroyed at any moment, while the store lives on at home.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/everything.hpp"
#include "support/foreign_lock.hpp"
#include "support/loop_threads.hpp"
#include "support/moment.hpp"
#include "support/outcome.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

using namespace std::chrono_literals;

TEST_CASE("a bound context that never ran drops its operations while home goes on") {
  store_fixture store;
  everything all;
  {
    asio::io_context other;
    const flat_file_db bound = store.db.bind(other);
    all.start(bound, {});
    CHECK(all.pending() == calls_of_everything);
  }
  CHECK(all.calls() == 0);
  CHECK(all.pending() == 0);
  run_dry(store.context);
  CHECK(store.error_of(store.db.put(asio::buffer("a", 1))) ==
        errc::closed);  // of the dropped close
}

TEST_CASE("a bound context may die at any moment while home runs on another thread") {
  store_fixture store;
  const data_location known = store.put(bytes_of(4, 1000));
  const loop_threads home(store.context);
  for (unsigned round = 0; round < 200; ++round) {
    std::string bytes = bytes_of(5, 1000);
    std::string large = bytes_of(6, (round % 4) * (200U << 10));
    outcome<data_location> put;
    outcome<data_location> large_put;
    outcome<std::uint32_t> roll;
    outcome<std::size_t> removal;
    outcome<> sync;
    outcome<blob> get;
    outcome<std::vector<file_info>> files;
    {
      asio::io_context other;
      const flat_file_db bound = store.db.bind(other);
      bound.put(asio::buffer(bytes), put.handler());
      bound.roll(0, roll.handler());
      bound.put(asio::buffer(large), large_put.handler());
      bound.delete_before(known.file_number, removal.handler());
      bound.sync(sync.handler());
      bound.get(known, get.handler());
      bound.files(files.handler());
      for (unsigned i = 0; i < round % 7; ++i) other.poll_one();
    }
    REQUIRE(put.pending() + large_put.pending() + roll.pending() + removal.pending() +
                sync.pending() + get.pending() + files.pending() ==
            0);
  }
}

TEST_CASE("a bound context that dies under a running roll leaves the roll to its end") {
  temporary_directory directory;
  const auto script = std::make_shared<disk_script>();
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), scripted(script));
  run(context, store.roll(asio::use_awaitable));
  moment creating;
  moment go_on;
  script->before(io_call::open, [&](const seen_call& call) {
    if (!call.creates) return;
    creating.reach();
    go_on.wait();
  });
  auto other = std::make_unique<asio::io_context>();
  outcome<std::uint32_t> roll;
  store.bind(*other).roll(roll.handler());
  loop_threads home(context);
  creating.wait();
  other.reset();
  CHECK(roll.calls == 0);
  CHECK(roll.pending() == 0);
  go_on.reach();
  home.join();
  outcome<std::uint32_t> next;
  store.roll(next.handler());
  run_dry(context);
  CHECK(next.well());
  CHECK(next.value() == 2);
}

TEST_CASE("a bound context that dies under a running removal leaves the removal to its end") {
  temporary_directory directory;
  const auto script = std::make_shared<disk_script>();
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), scripted(script));
  for (int i = 0; i < 4; ++i) run(context, store.roll(asio::use_awaitable));
  moment removing;
  moment go_on;
  script->before(io_call::remove, [&](const seen_call&) {
    removing.reach();
    go_on.wait();
  });
  auto other = std::make_unique<asio::io_context>();
  outcome<std::size_t> removal;
  store.bind(*other).delete_before(3, removal.handler());
  loop_threads home(context);
  removing.wait();
  other.reset();
  CHECK(removal.calls == 0);
  CHECK(removal.pending() == 0);
  go_on.reach();
  home.join();
  CHECK(run(context, store.delete_before(3, asio::use_awaitable)) == 0);
}

TEST_CASE(
    "a bound context that dies just before the write of its put begins waits for that write") {
  temporary_directory directory;
  const auto script = std::make_shared<disk_script>();
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), scripted(script));
  run(context, store.roll(asio::use_awaitable));
  moment starting;
  moment revoking;
  script->before(io_call::start_write, [&](const seen_call&) {
    starting.reach();
    revoking.wait();
  });
  script->before(io_call::wait, [&](const seen_call&) { revoking.reach(); });
  std::string bytes = bytes_of(7, large_bytes);
  auto other = std::make_unique<asio::io_context>();
  outcome<data_location> put;
  store.bind(*other).put(asio::buffer(bytes), put.handler());
  loop_threads home(context);
  starting.wait();
  other.reset();
  bytes.clear();
  bytes.shrink_to_fit();
  CHECK(put.calls == 0);
  CHECK(put.pending() == 0);
  home.join();
}

TEST_CASE(
    "a put of a living context is stored although another one of its batch lost its context before "
    "the write") {
  temporary_directory directory;
  const auto script = std::make_shared<disk_script>();
  options how = options_in(directory);
  how.durability = durability::fdatasync;
  asio::io_context context;
  const store_on_disk store(context, how, scripted(script));
  run(context, store.roll(asio::use_awaitable));
  auto other = std::make_unique<asio::io_context>();
  const std::string kept = bytes_of(8, 1000);
  const std::string lost = bytes_of(9, 1000);
  outcome<data_location> before;
  outcome<data_location> dropped;
  outcome<data_location> behind;
  store.put(asio::buffer(kept), before.handler());
  store.bind(*other).put(asio::buffer(lost), dropped.handler());
  store.put(asio::buffer(kept), behind.handler());
  // The record's mark is written when the batch has been put together and before its first byte is.
  script->before(io_call::write, [&](const seen_call&) { other.reset(); });
  run_dry(context);
  script->before(io_call::write, {});
  CHECK(dropped.calls == 0);
  CHECK(dropped.pending() == 0);
  REQUIRE(before.well());
  REQUIRE(behind.well());
  CHECK(run(context, store.get(before.value(), asio::use_awaitable)).text() == kept);
  CHECK(run(context, store.get(behind.value(), asio::use_awaitable)).text() == kept);
}

TEST_CASE("a bound context may die while its put waits for another process") {
  store_fixture store;
  store.put("the first");
  foreign_lock other_process(store.lock_path());
  outcome<data_location> dropped;
  outcome<data_location> kept;
  {
    asio::io_context other;
    const flat_file_db bound = store.db.bind(other);
    bound.put(asio::buffer("never stored", 12), dropped.handler());
    bound.put(asio::buffer("nor this", 8), dropped.handler());
    store.db.put(asio::buffer("kept", 4), kept.handler());
    store.context.restart();
    store.context.poll();
  }
  CHECK(dropped.calls == 0);
  CHECK(dropped.pending() == 0);
  other_process.release();
  store.context.run();
  REQUIRE(kept.well());
  CHECK(kept.value().start == 9);
}

TEST_CASE("a bound context that dies under a large write waits for it although nobody runs home") {
  store_fixture store;
  store.roll();
  const std::string original = bytes_of(10, large_bytes);
  std::string bytes = original;
  outcome<data_location> put;
  outcome<data_location> behind;
  {
    asio::io_context other;
    store.db.bind(other).put(asio::buffer(bytes), put.handler());
    store.db.put(asio::buffer("behind", 6), behind.handler());
    // Until the write is with the kernel or a thread; home's loop does not turn again before the
    // context is gone.
    store.context.restart();
    while (store.db.stats().ring_appends == 0) store.context.run_one();
    store.context.run_one();
  }
  bytes.assign(bytes.size(), 'x');
  CHECK(put.calls == 0);
  CHECK(put.pending() == 0);
  CHECK(read_file(store.data_path(0)).substr(0, original.size()) == original);
  store.context.run();
  CHECK(behind.well());
}

}  // namespace conduit::test
