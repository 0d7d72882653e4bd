#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include <cstdint>
#include <memory>
#include <string>

#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/loop_threads.hpp"
#include "support/moment.hpp"
#include "support/outcome.hpp"
#include "support/run_loop.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

using namespace conduit;
using namespace conduit::test;

TEST_CASE(
    "a compressed put that waits for another process can be cancelled and the others are stored") {
  store_fixture store([](options& how) { how.compression = compression::zstd; });
  store.put("the first");
  store.context.restart();
  foreign_lock other_process(store.lock_path());
  // Small enough to be encoded in the first turn of the loop.
  const std::string bytes = bytes_of(1, 3000);
  asio::cancellation_signal cancel;
  outcome<data_location> cancelled;
  outcome<data_location> kept;
  store.db.put(asio::buffer("never told", 10),
               asio::bind_cancellation_slot(cancel.slot(), cancelled.handler()));
  store.db.put(asio::buffer(bytes), kept.handler());
  SECTION("before it is begun") {}
  SECTION("when it is encoded") { store.context.poll(); }
  cancel.emit(asio::cancellation_type::terminal);
  while (cancelled.calls == 0) store.context.run_one();
  CHECK(cancelled.error == asio::error::operation_aborted);
  CHECK(kept.calls == 0);
  other_process.release();
  store.context.restart();
  store.context.run();
  REQUIRE(kept.well());
}

TEST_CASE("a compressed put that waits alone can be cancelled and run returns") {
  store_fixture store([](options& how) { how.compression = compression::zstd; });
  store.put("the first");
  const foreign_lock other_process(store.lock_path());
  asio::cancellation_signal cancel;
  outcome<data_location> cancelled;
  store.db.put(asio::buffer("never told", 10),
               asio::bind_cancellation_slot(cancel.slot(), cancelled.handler()));
  store.context.restart();
  store.context.poll();
  cancel.emit(asio::cancellation_type::terminal);
  store.context.run();
  CHECK(cancelled.error == asio::error::operation_aborted);
}

TEST_CASE(
    "a roll under way ends as if it was not cancelled, though the put before it was cancelled "
    "while it was encoded") {
  temporary_directory directory;
  options how = options_in(directory);
  how.compression = compression::zstd;
  asio::io_context context;
  const auto script = std::make_shared<disk_script>();
  const store_on_disk store(context, how, scripted(script));
  run(context, store.put(asio::buffer("the first", 9), asio::use_awaitable));
  moment creating;
  moment go_on;
  script->before(io_call::open, [&](const seen_call& call) {
    if (!call.creates) return;
    creating.reach();
    go_on.wait();
  });
  foreign_lock other_process(how.data_directory.string() + ".lock");
  // Far too large to be encoded in one turn of the loop.
  const std::string bytes = bytes_of(1, 16U << 20);
  asio::cancellation_signal cancel_put;
  asio::cancellation_signal cancel_roll;
  outcome<data_location> put;
  outcome<std::uint32_t> roll;
  store.put(asio::buffer(bytes), asio::bind_cancellation_slot(cancel_put.slot(), put.handler()));
  store.roll(asio::bind_cancellation_slot(cancel_roll.slot(), roll.handler()));
  context.restart();
  context.poll();
  cancel_put.emit(asio::cancellation_type::terminal);
  REQUIRE(run_until_holds(context, [&] { return put.called(); }));
  CHECK(put.error == asio::error::operation_aborted);
  other_process.release();
  loop_threads home(context);
  creating.wait();
  cancel_roll.emit(asio::cancellation_type::total);
  go_on.reach();
  home.join();
  REQUIRE(roll.well());
  CHECK(roll.value() == 1);
}
