// Whoever waits for the lock for long learns that the process that has it may be stopped.
#include <catch2/catch.hpp>

#include <atomic>
#include <memory>

#include "support/foreign_lock.hpp"
#include "support/outcome.hpp"
#include "support/run_loop.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {
namespace {

// A store that counts its reports of long waits.
struct reporting_store {
  explicit reporting_store(compression form)
      : store([this, form](options& how) {
          how.compression = form;
          how.on_event = [seen = reports](const event& one) {
            if (one.what == event::kind::lock_waited_for) ++*seen;
          };
        }) {}

  bool reports_one() {
    return run_until_holds(store.context, [this] { return *reports == 1; });
  }

  const std::shared_ptr<std::atomic<int>> reports = std::make_shared<std::atomic<int>>(0);
  store_fixture store;
};

}  // namespace

TEST_CASE("a put that waits for the lock for a second is reported once, and goes on") {
  reporting_store own(GENERATE(compression::none, compression::zstd));
  foreign_lock stopped(own.store.lock_path());
  outcome<data_location> put;
  own.store.db.put(asio::buffer("something", 9), put.handler());
  REQUIRE(own.reports_one());
  CHECK_FALSE(put.called());
  stopped.release();
  run_dry(own.store.context);
  CHECK(own.store.get(put.value()) == "something");
  CHECK(*own.reports == 1);
}

TEST_CASE("a get that waits for the lock for a second is reported once, and goes on") {
  reporting_store own(compression::zstd);
  second_opening other(own.store, [](options& how) { how.compression = compression::zstd; });
  own.store.get(own.store.put("known"));
  const data_location unknown = run(other.context, other.db.put(asio::buffer("unknown", 7)));
  foreign_lock stopped(own.store.lock_path());
  outcome<blob> get;
  own.store.db.get(unknown, get.handler());
  REQUIRE(own.reports_one());
  CHECK_FALSE(get.called());
  stopped.release();
  run_dry(own.store.context);
  CHECK(get.value().text() == "unknown");
  CHECK(*own.reports == 1);
}

TEST_CASE("a compression that waits for the lock for a second is reported once, and goes on") {
  reporting_store own(compression::none);
  own.store.put("something");
  own.store.roll();
  foreign_lock stopped(own.store.lock_path());
  outcome<file_compression> compressing;
  own.store.db.compress_file(0, compressing.handler());
  REQUIRE(own.reports_one());
  CHECK_FALSE(compressing.called());
  stopped.release();
  run_dry(own.store.context);
  CHECK(compressing.well());
  CHECK(*own.reports == 1);
}

}  // namespace conduit::test
