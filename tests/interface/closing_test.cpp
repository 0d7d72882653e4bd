// close, and when a loop comes to its end.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/steady_timer.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/foreign_lock.hpp"
#include "support/loop_threads.hpp"
#include "support/moment.hpp"
#include "support/outcome.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

using namespace std::chrono_literals;

namespace {

// Long enough for what would happen at once to have happened; only for what must not happen.
constexpr auto a_while = 50ms;

}  // namespace

TEST_CASE("run returns at once with an open store that has nothing to do") {
  store_fixture store;
  CHECK(store.context.run() == 0);
  const data_location location = store.put("something");
  store.context.restart();
  CHECK(store.context.run() == 0);
  CHECK(store.get(location) == "something");
  store.context.restart();
  CHECK(store.context.run() == 0);
}

TEST_CASE("run returns when the only put was cancelled while another process held the lock") {
  store_fixture store;
  store.put("the first");
  foreign_lock other_process(store.lock_path());
  asio::cancellation_signal signal;
  outcome<data_location> put;
  store.db.put(asio::buffer("never stored", 12),
               asio::bind_cancellation_slot(signal.slot(), put.handler()));
  store.context.restart();
  store.context.poll();
  CHECK_FALSE(put.called());
  signal.emit(asio::cancellation_type::total);
  store.context.run_for(5s);
  CHECK(put.error == asio::error::operation_aborted);
  CHECK(store.context.stopped());  // nothing is left to wait for
  other_process.release();
  CHECK(store.get(store.put("the second")) == "the second");
}

TEST_CASE("run returns when the last handle died while another process held the lock") {
  store_fixture store;
  store.put("the first");
  foreign_lock other_process(store.lock_path());
  std::vector<outcome<data_location>> puts(3);
  for (auto& put : puts) store.db.put(asio::buffer("never stored", 12), put.handler());
  store.context.restart();
  store.context.poll();
  store.db = {};
  store.context.run_for(5s);
  for (auto& put : puts) CHECK(put.error == asio::error::operation_aborted);
  CHECK(store.context.stopped());
  other_process.release();
}

TEST_CASE("close waits for the puts that were accepted") {
  store_fixture store;
  std::vector<std::string> blobs;
  for (std::uint64_t i = 0; i < 50; ++i) blobs.push_back(bytes_of(i, 100'000));
  std::vector<outcome<data_location>> puts(blobs.size());
  std::size_t ended_before_close = 0;
  for (std::size_t i = 0; i < blobs.size(); ++i)
    store.db.put(asio::buffer(blobs[i]), puts[i].handler());
  std::error_code closed = errc::locked;
  store.db.close([&](std::error_code error) {
    closed = error;
    for (const auto& put : puts) ended_before_close += put.calls;
  });
  CHECK(store.error_of(store.db.put(asio::buffer("late", 4))) == errc::closed);
  CHECK_FALSE(closed);
  CHECK(ended_before_close == blobs.size());
  store.reopen();
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    REQUIRE(puts[i].well());
    REQUIRE(store.get(puts[i].value()) == blobs[i]);
  }
}

TEST_CASE("after close every call ends with closed, of every handle") {
  store_fixture store;
  asio::io_context other;
  const flat_file_db bound = store.db.bind(other);
  const data_location known = store.put("something");
  store.run(store.db.close());
  std::string into(9, '\0');
  const auto refused = [&](asio::io_context& context, const flat_file_db& db) {
    CHECK(error_of(context, db.put(asio::buffer("x", 1))) == errc::closed);
    CHECK(error_of(context, db.put_many({asio::buffer("x", 1)})) == errc::closed);
    CHECK(error_of(context, db.get(known)) == errc::closed);
    CHECK(error_of(context, db.get_slice(known, {1, 2})) == errc::closed);
    CHECK(error_of(context, db.get_into(known, {}, asio::buffer(into))) == errc::closed);
    CHECK(error_of(context, db.sync()) == errc::closed);
    CHECK(error_of(context, db.roll()) == errc::closed);
    CHECK(error_of(context, db.delete_file(0)) == errc::closed);
    CHECK(error_of(context, db.delete_before(1)) == errc::closed);
    CHECK(error_of(context, db.files()) == errc::closed);
    CHECK(error_of(context, db.verify(0)) == errc::closed);
    CHECK(error_of(context, db.close()) == errc::closed);
  };
  refused(store.context, store.db);
  refused(other, bound);
  CHECK(store.db.stats().puts == 1);
  CHECK(lock_is_free(store.lock_path()));
}

TEST_CASE("close with a put in hand waits for the process that holds the lock") {
  store_fixture store;
  store.put("the first");
  foreign_lock other_process(store.lock_path());
  outcome<data_location> put;
  outcome<> close;
  store.db.put(asio::buffer("the second", 10), put.handler());
  store.db.close(close.handler());
  store.context.restart();
  store.context.run_for(a_while);
  CHECK_FALSE(put.called());
  CHECK_FALSE(close.called());
  other_process.release();
  store.context.run();
  CHECK(put.well());
  CHECK(close.well());
  CHECK(lock_is_free(store.lock_path()));
}

TEST_CASE("close with a put in hand waits for another process that holds the lock and is killed") {
  store_fixture store;
  store.put("the first");
  child_process holder([&] {
    foreign_lock lock(store.lock_path());
    ::raise(SIGSTOP);
    return 0;
  });
  int status = 0;
  ::waitpid(holder.pid(), &status, WUNTRACED);
  REQUIRE_FALSE(lock_is_free(store.lock_path()));
  outcome<data_location> put;
  outcome<> close;
  store.db.put(asio::buffer("the second", 10), put.handler());
  store.db.close(close.handler());
  store.context.restart();
  store.context.run_for(a_while);
  CHECK_FALSE(close.called());
  holder.kill();
  store.context.run();
  CHECK(put.well());
  CHECK(close.well());
}

TEST_CASE("close with nothing in hand does not wait for the lock") {
  store_fixture store;
  const foreign_lock other_process(store.lock_path());
  outcome<> close;
  store.db.close(close.handler());
  store.context.restart();
  store.context.run_for(5s);
  CHECK(close.well());
}

TEST_CASE("close may be called while a read is under way and the read ends as usual") {
  temporary_directory directory;
  const auto script = std::make_shared<disk_script>();
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), scripted(script));
  const std::string bytes = bytes_of(21, 5000);
  const data_location location = run(context, store.put(asio::buffer(bytes), asio::use_awaitable));
  script->fail_every(io_call::read_cached, fault::with_error(EAGAIN));
  outcome<blob> get;
  outcome<> close;
  store.get(location, get.handler());
  store.close(close.handler());
  run_dry(context);
  REQUIRE(get.well());
  CHECK(get.value().text() == bytes);
  CHECK(close.well());
}

TEST_CASE("the last handle leaves puts that are queued aborted and unwritten") {
  store_fixture store;
  const data_location first = store.put("the first");
  foreign_lock other_process(store.lock_path());
  outcome<data_location> put;
  outcome<> sync;
  outcome<std::uint32_t> roll;
  store.db.put(asio::buffer("never stored", 12), put.handler());
  store.db.sync(sync.handler());
  store.db.roll(0, roll.handler());
  {
    const flat_file_db copy = store.db;
    store.db = {};
    store.context.restart();
    store.context.poll();
    CHECK_FALSE(put.called());  // a copy is a handle like any other
  }
  other_process.release();
  store.context.run();
  CHECK(put.error == asio::error::operation_aborted);
  CHECK(sync.error == asio::error::operation_aborted);
  CHECK(roll.error == asio::error::operation_aborted);
  store.reopen();
  CHECK(store.get(first) == "the first");
  REQUIRE(store.files().size() == 1);
  CHECK(store.files()[0].stored_bytes == first.end);
}

TEST_CASE("the last handle may die on any thread while its puts are written") {
  store_fixture store;
  unsigned stored = 0;
  unsigned aborted = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<std::string> blobs;
    for (std::uint64_t i = 0; i < 20; ++i) blobs.push_back(bytes_of(i, i * 20'000));
    std::vector<outcome<data_location>> puts(blobs.size());
    {
      const loop_threads home(store.context, 2);
      for (std::size_t i = 0; i < blobs.size(); ++i)
        store.db.put(asio::buffer(blobs[i]), puts[i].handler());
      store.db = {};
    }
    for (auto& put : puts) {
      REQUIRE(put.calls == 1);
      REQUIRE((!put.error || put.error == asio::error::operation_aborted));
      ++(put.error ? aborted : stored);
    }
    store.reopen();
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      if (puts[i].well()) REQUIRE(store.get(puts[i].value()) == blobs[i]);
    }
  }
  CHECK(stored + aborted == 2000);
}

TEST_CASE("close waits for a compression although the put in front of it was cancelled") {
  const compression form = GENERATE(compression::none, compression::zstd);
  store_fixture store;
  store.put(std::string(100'000, 'x'));
  store.roll();
  store.reopen([form](options& how) { how.compression = form; });
  foreign_lock other_process(store.lock_path());
  std::vector<std::string> ended;
  asio::cancellation_signal signal;
  store.db.compress_file(0, [&](std::error_code error, const file_compression&) {
    CHECK(!error);
    ended.emplace_back("compress_file");
  });
  store.db.put(
      asio::buffer("cancelled", 9),
      asio::bind_cancellation_slot(signal.slot(), [&](std::error_code error, data_location) {
        CHECK(error == asio::error::operation_aborted);
        ended.emplace_back("put");
      }));
  store.db.close([&](std::error_code error) {
    CHECK(!error);
    ended.emplace_back("close");
  });
  store.context.restart();
  store.context.poll();  // the put waits for the lock
  signal.emit(asio::cancellation_type::all);
  other_process.release();
  store.context.run();
  CHECK(ended == std::vector<std::string>{"put", "compress_file", "close"});
}

}  // namespace conduit::test
