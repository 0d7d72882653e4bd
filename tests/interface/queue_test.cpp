// The queue of puts: its bound, its batches, its counters, and handlers that throw.
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <stdexcept>
#include <string>
#include <vector>

#include "support/descriptors.hpp"
#include "support/foreign_lock.hpp"
#include "support/outcome.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

TEST_CASE("puts beyond the bound of pending bytes wait and all of them are stored in order") {
  store_fixture store([](options& how) { how.pending_put_bytes = 10'000; });
  std::vector<std::string> blobs;
  for (std::uint64_t i = 0; i < 100; ++i) blobs.push_back(bytes_of(i, 1000 + i));
  std::vector<outcome<data_location>> puts(blobs.size());
  for (std::size_t i = 0; i < blobs.size(); ++i)
    store.db.put(asio::buffer(blobs[i]), puts[i].handler());
  CHECK(store.db.stats().put_queue_waits == 91);
  run_dry(store.context);
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    REQUIRE(puts[i].well());
    if (i != 0) REQUIRE(puts[i].value().start == puts[i - 1].value().end);
    REQUIRE(store.get(puts[i].value()) == blobs[i]);
  }
}

TEST_CASE("a put larger than the bound is taken when nothing else is there") {
  store_fixture store([](options& how) { how.pending_put_bytes = 10; });
  const std::string large = bytes_of(1, 100'000);
  std::vector<outcome<data_location>> puts(5);
  for (auto& put : puts) store.db.put(asio::buffer(large), put.handler());
  outcome<> sync;
  store.db.sync(sync.handler());
  CHECK(store.db.stats().put_queue_waits == 5);  // all but the first, and the sync behind them
  run_dry(store.context);
  for (auto& put : puts) {
    REQUIRE(put.well());
    REQUIRE(store.get(put.value()) == large);
  }
  CHECK(sync.well());
}

TEST_CASE("puts that arrive in one turn are written together up to the batch size") {
  store_fixture store([](options& how) { how.batch_bytes = 1000; });
  store.put("the first");
  const store_stats before = store.db.stats();
  const std::string bytes = bytes_of(1, 100);
  std::vector<outcome<data_location>> puts(40);
  for (auto& put : puts) store.db.put(asio::buffer(bytes), put.handler());
  run_dry(store.context);
  for (auto& put : puts) REQUIRE(put.well());
  const store_stats after = store.db.stats();
  CHECK(after.puts - before.puts == 40);
  CHECK(after.put_bytes - before.put_bytes == 4000);
  CHECK(after.batches - before.batches == 4);
}

TEST_CASE("puts of coroutines that arrive in one turn share one batch from the first on") {
  store_fixture store;
  store.put("the first");
  const store_stats before = store.db.stats();
  auto put_one = [](flat_file_db db) -> asio::awaitable<void> {
    const std::string bytes = "of a coroutine";
    co_await db.put(asio::buffer(bytes));
  };
  for (int i = 0; i < 20; ++i) asio::co_spawn(store.context, put_one(store.db), asio::detached);
  run_dry(store.context);
  CHECK(store.db.stats().puts - before.puts == 20);
  CHECK(store.db.stats().batches - before.batches == 1);
}

TEST_CASE("small batches are written inline and large ones through the backend") {
  store_fixture store;
  store.put("small");
  CHECK(store.db.stats().inline_appends == 1);
  CHECK(store.db.stats().ring_appends == 0);
  const std::string large = bytes_of(1, 2U << 20);
  CHECK(store.get(store.put(large)) == large);
  CHECK(store.db.stats().inline_appends == 1);
  CHECK(store.db.stats().ring_appends == 1);
}

TEST_CASE("the same holds for durable batches, each of which is synced once") {
  store_fixture store([](options& how) { how.durability = durability::fdatasync; });
  store.put("small");
  CHECK(store.db.stats().inline_appends == 1);
  CHECK(store.db.stats().ring_appends == 0);
  CHECK(store.db.stats().syncs == 1);
  store.put(bytes_of(1, 2U << 20));
  CHECK(store.db.stats().inline_appends == 1);
  CHECK(store.db.stats().ring_appends == 1);
  CHECK(store.db.stats().syncs == 2);
}

TEST_CASE("the counters count what was done") {
  store_fixture store;
  const data_location location = store.put(bytes_of(1, 1000));
  store.get(location);
  store.run(store.db.get_slice(location, {0, 10}));
  outcome<blob> get;
  store.db.get(location, get.handler());
  run_dry(store.context);
  store.roll();
  store.run(store.db.sync());
  const store_stats stats = store.db.stats();
  CHECK(stats.puts == 1);
  CHECK(stats.put_bytes == 1000);
  CHECK(stats.batches == 1);
  CHECK(stats.gets == 3);
  CHECK(stats.get_bytes == 2010);
  CHECK(stats.gets == stats.inline_reads + stats.async_reads);
  CHECK(stats.inline_reads != 0);
  CHECK(stats.rolls == 1);
  CHECK(stats.syncs == 1);
  CHECK(stats.lock_waits == 0);
  CHECK(stats.backend == backend_under_test());
  CHECK_FALSE(stats.backend_reason.empty());
}

TEST_CASE("a wait for another process is counted") {
  store_fixture store;
  store.put("the first");
  foreign_lock other_process(store.lock_path());
  outcome<data_location> put;
  store.db.put(asio::buffer("the second", 10), put.handler());
  store.context.restart();
  while (!lock_is_waited_for(store.lock_path())) store.context.poll_one();
  other_process.release();
  store.context.run();
  CHECK(put.well());
  CHECK(store.db.stats().lock_waits == 1);
}

TEST_CASE("the reads of a bound context are counted after its end") {
  store_fixture store;
  const data_location location = store.put(bytes_of(1, 1000));
  {
    asio::io_context other;
    const flat_file_db bound = store.db.bind(other);
    run(other, bound.get(location));
    CHECK(store.db.stats().gets == 1);
    CHECK(bound.stats().gets == 1);
  }
  CHECK(store.db.stats().gets == 1);
  CHECK(store.db.stats().get_bytes == 1000);
}

TEST_CASE(
    "a put handler that throws comes out of run and the other puts complete when run is called "
    "again") {
  store_fixture store;
  store.put("the first");
  const std::string bytes = bytes_of(1, 100);
  std::vector<outcome<data_location>> puts(4);
  store.db.put(asio::buffer(bytes), puts[0].handler());
  store.db.put(asio::buffer(bytes),
               [](std::error_code, data_location) { throw std::runtime_error("of the handler"); });
  store.db.put(asio::buffer(bytes), puts[1].handler());
  store.db.sync([](std::error_code) { throw std::runtime_error("of another handler"); });
  store.db.put(asio::buffer(bytes), puts[2].handler());
  store.db.put(asio::buffer(bytes), puts[3].handler());
  store.context.restart();
  CHECK_THROWS_WITH(store.context.run(), "of the handler");
  CHECK_THROWS_WITH(store.context.run(), "of another handler");
  store.context.run();
  for (auto& put : puts) {
    REQUIRE(put.well());
    CHECK(store.get(put.value()) == bytes);
  }
  CHECK(lock_is_free(store.lock_path()));
}

TEST_CASE(
    "a get handler that throws comes out of run and the other gets complete when run is called "
    "again") {
  store_fixture store;
  const std::string bytes = bytes_of(1, 100);
  const std::string large = bytes_of(2, 1U << 20);
  const data_location small_location = store.put(bytes);
  const data_location large_location = store.put(large);
  std::vector<outcome<blob>> gets(6);
  for (std::size_t i = 0; i < 3; ++i) {
    store.db.get(small_location, gets[2 * i].handler());
    store.db.get(i == 1 ? large_location : small_location,
                 [](std::error_code, blob) { throw std::runtime_error("of the handler"); });
    store.db.get(large_location, gets[2 * i + 1].handler());
  }
  store.db.files(
      [](std::error_code, std::vector<file_info>) { throw std::runtime_error("of the handler"); });
  store.context.restart();
  // Asio throws once a turn of the loop, for however many handlers of it threw.
  unsigned turns_that_threw = 0;
  for (bool ended = false; !ended;) {
    try {
      store.context.run();
      ended = true;
    } catch (const std::exception&) {
      ++turns_that_threw;
    }
  }
  CHECK(turns_that_threw != 0);
  for (std::size_t i = 0; i < gets.size(); ++i) {
    REQUIRE(gets[i].well());
    CHECK(gets[i].value().text() == (i % 2 == 0 ? bytes : large));
  }
}

TEST_CASE("a coroutine whose reads are all served at once lets others run") {
  store_fixture store;
  const data_location location = store.put(bytes_of(1, 1000));
  store.get(location);
  auto read_often = [](flat_file_db db, data_location from, bool* others_ran,
                       unsigned* reads_before) -> asio::awaitable<void> {
    for (unsigned i = 0; i < 10'000 && !*others_ran; ++i) {
      const blob bytes = co_await db.get(from);
      if (!bytes.empty()) ++*reads_before;
    }
  };
  bool others_ran = false;
  unsigned reads_before = 0;
  asio::co_spawn(store.context, read_often(store.db, location, &others_ran, &reads_before),
                 asio::detached);
  asio::post(store.context, [&] { others_ran = true; });
  run_dry(store.context);
  CHECK(others_ran);
  CHECK(reads_before < 200);
  CHECK(store.db.stats().inline_reads != 0);
}

TEST_CASE("a coroutine whose puts are all written at once lets others run") {
  store_fixture store;
  store.put("the first");
  auto put_often = [](flat_file_db db, bool* others_ran,
                      unsigned* puts_before) -> asio::awaitable<void> {
    const std::string bytes = "some bytes";
    for (unsigned i = 0; i < 10'000 && !*others_ran; ++i) {
      co_await db.put(asio::buffer(bytes));
      ++*puts_before;
    }
  };
  bool others_ran = false;
  unsigned puts_before = 0;
  asio::co_spawn(store.context, put_often(store.db, &others_ran, &puts_before), asio::detached);
  asio::post(store.context, [&] { asio::post(store.context, [&] { others_ran = true; }); });
  run_dry(store.context);
  CHECK(puts_before < 200);
}

}  // namespace conduit::test
