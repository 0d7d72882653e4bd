#include <asio/bind_cancellation_slot.hpp>
#include <asio/error.hpp>
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/outcome.hpp"
#include "support/store_fixture.hpp"

using namespace conduit;
using namespace conduit::test;

TEST_CASE("A compressed put that waits for another process can be cancelled and the others are stored") {
  store_fixture store([](options& how) { how.compression = compression::zstd; });
  store.put("the first");
  store.context.restart();
  foreign_lock other_process(store.lock_path());
  // Small enough to be encoded in the first turn of the loop.
  const std::string bytes = bytes_of(1, 3000);
  asio::cancellation_signal cancel;
  outcome<data_location> cancelled;
  outcome<data_location> kept;
  store.db.put(asio::buffer("never told", 10), asio::bind_cancellation_slot(cancel.slot(), cancelled.handler()));
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

TEST_CASE("A compressed put that waits alone can be cancelled and run returns") {
  store_fixture store([](options& how) { how.compression = compression::zstd; });
  store.put("the first");
  const foreign_lock other_process(store.lock_path());
  asio::cancellation_signal cancel;
  outcome<data_location> cancelled;
  store.db.put(asio::buffer("never told", 10), asio::bind_cancellation_slot(cancel.slot(), cancelled.handler()));
  store.context.restart();
  store.context.poll();
  cancel.emit(asio::cancellation_type::terminal);
  store.context.run();
  CHECK(cancelled.error == asio::error::operation_aborted);
}
