// The end of contexts and of handles while operations are pending: nothing leaks, nothing runs,
// nothing hangs.
#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lock/waiting_mark.hpp"
#include "support/everything.hpp"
#include "support/foreign_lock.hpp"
#include "support/outcome.hpp"
#include "support/page_cache.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

namespace {

using namespace std::chrono_literals;

enum class call : std::uint8_t { get, put, files, verify, sync, roll, compress_file, close };
constexpr std::array every_call{call::get,  call::put,  call::files,         call::verify,
                                call::sync, call::roll, call::compress_file, call::close};

template <typename Handler>
void start(const flat_file_db& db, call what, const data_location& known, Handler handler) {
  static const std::string bytes = bytes_of(12, 1000);
  switch (what) {
    case call::get:
      return db.get(known, std::move(handler));
    case call::put:
      return db.put(asio::buffer(bytes), std::move(handler));
    case call::files:
      return db.files(std::move(handler));
    case call::verify:
      return db.verify(known.file_number, std::move(handler));
    case call::sync:
      return db.sync(std::move(handler));
    case call::roll:
      return db.roll(0, std::move(handler));
    case call::compress_file:
      return db.compress_file(known.file_number, std::move(handler));
    case call::close:
      return db.close(std::move(handler));
  }
}

// Handlers that were called, and those that exist.
struct handler_census {
  std::size_t calls = 0;
  std::size_t alive = 0;
};

// Has a handle of the store, as objects that end with one often do, and starts each call when it
// goes. Their handlers have one of these each, until the depth is reached.
class last_will {
 public:
  last_will(flat_file_db db, const data_location& known, unsigned depth, handler_census& census)
      : db_(std::move(db)), known_(known), depth_(depth), census_(census) {
    ++census_.alive;
  }
  last_will(const last_will&) = delete;
  last_will& operator=(const last_will&) = delete;
  ~last_will() {
    --census_.alive;
    for (const call what : every_call) {
      if (depth_ != 0) start(db_, what, known_, handler(db_, known_, depth_ - 1, census_));
    }
  }

  class handler {
   public:
    handler(const flat_file_db& db, const data_location& known, unsigned depth,
            handler_census& census)
        : census_(census), will_(std::make_unique<last_will>(db, known, depth, census)) {}
    void operator()(auto&&... /*results*/) { ++census_.calls; }

   private:
    handler_census& census_;
    std::unique_ptr<last_will> will_;
  };

 private:
  const flat_file_db db_;
  const data_location known_;
  const unsigned depth_;
  handler_census& census_;
};

}  // namespace

TEST_CASE("a context that never ran drops every pending operation without running a handler") {
  temporary_directory directory;
  everything all;
  {
    asio::io_context context;
    flat_file_db db = flat_file_db::open(context, options_in(directory));
    all.start(db, {});
    CHECK(all.calls() == 0);
    CHECK(all.pending() == calls_of_everything);
  }
  CHECK(all.calls() == 0);
  CHECK(all.pending() == 0);
}

TEST_CASE("a context that dies after any number of turns has run or destroyed every handler") {
  const int turns = GENERATE(range(1, 24));
  temporary_directory directory;
  everything all;
  {
    store_fixture store;
    const data_location known = store.put(bytes_of(3, 1000));
    store.put(bytes_of(3, 1000));
    make_cold(store.data_path(known.file_number));
    all.start(store.db, known);
    store.context.restart();
    for (int i = 0; i < turns; ++i) store.context.poll_one();
  }
  CHECK(all.pending() == 0);
  CHECK(all.calls() <= calls_of_everything);
}

TEST_CASE("a handle may outlive its context") {
  temporary_directory directory;
  everything all;
  flat_file_db db;
  {
    asio::io_context context;
    db = flat_file_db::open(context, options_in(directory));
    all.start(db, {});
  }
  CHECK(all.calls() == 0);
  CHECK(all.pending() == 0);
  CHECK(db.is_open());
}

TEST_CASE("a call that a dropped call's handler starts when it is destroyed is dropped too") {
  const call dropped = GENERATE(from_range(every_call));
  const auto form = GENERATE(compression::none, compression::zstd);
  const int turns = GENERATE(0, 1);
  const bool handle_outlives = GENERATE(false, true);
  CAPTURE(dropped, form, turns, handle_outlives);
  temporary_directory directory;
  options how = options_in(directory);
  how.compression = form;
  how.frame_cache_bytes = 0;
  handler_census census;
  flat_file_db outliving;
  {
    asio::io_context context;
    flat_file_db db = flat_file_db::open(context, how);
    const data_location known = run(context, db.put(asio::buffer("something", 9)));
    run(context, db.roll());
    start(db, dropped, known, last_will::handler(db, known, 2, census));
    if (handle_outlives) outliving = std::move(db);
    db = {};
    context.restart();
    for (int i = 0; i < turns; ++i) context.poll_one();
    census.calls = 0;
  }
  CHECK(census.calls == 0);
  CHECK(census.alive == 0);
}

TEST_CASE("a call that a posted handler starts when its context destroys it is dropped") {
  const bool handle_outlives = GENERATE(false, true);
  temporary_directory directory;
  handler_census census;
  flat_file_db outliving;
  {
    asio::io_context context;
    flat_file_db db = flat_file_db::open(context, options_in(directory));
    const data_location known = run(context, db.put(asio::buffer("something", 9)));
    run(context, db.roll());
    asio::post(context, last_will::handler(db, known, 2, census));
    if (handle_outlives) outliving = db;
  }
  CHECK(census.calls == 0);
  CHECK(census.alive == 0);
}

TEST_CASE("a context may die with everything pending while another process holds the lock") {
  store_fixture scratch;
  everything all;
  flat_file_db db;
  {
    foreign_lock other_process(scratch.lock_path());
    {
      asio::io_context context;
      db = flat_file_db::open(context, scratch.how);
      all.start(db, {});
      context.poll();
      CHECK(all.put.calls == 0);
    }
    CHECK(all.pending() == 0);
  }
  // The thread that waited for the lock gives it up when it gets there, although the handle lives
  // on.
  wait_until_lock_is_free(scratch.lock_path());
  CHECK(db.is_open());
}

TEST_CASE("a context may die while its store leaves the lock free for a waiter") {
  const store_fixture scratch;
  const lock::waiting_mark waiter(scratch.how.data_directory.string());
  std::unique_ptr<outcome<data_location>> put;
  flat_file_db db;
  {
    asio::io_context context;
    db = flat_file_db::open(context, scratch.how);
    do {
      put = std::make_unique<outcome<data_location>>();
      db.put(asio::buffer("something", 9), put->handler());
      context.restart();
      context.poll();
    } while (put->called());
  }
  CHECK(put->pending() == 0);
  CHECK(db.is_open());
}

TEST_CASE("a context that dies between the grant of the lock and its next turn holds no lock") {
  store_fixture scratch;
  outcome<data_location> put;
  flat_file_db db;
  {
    asio::io_context context;
    foreign_lock other_process(scratch.lock_path());
    db = flat_file_db::open(context, scratch.how);
    db.put(asio::buffer("never stored", 12), put.handler());
    context.poll();
    other_process.release();
    while (lock_is_free(scratch.lock_path())) std::this_thread::yield();
  }
  CHECK(put.calls == 0);
  CHECK(put.pending() == 0);
  CHECK(lock_is_free(scratch.lock_path()));
}

TEST_CASE("a context dies with reads that the disk has not answered yet") {
  store_fixture store;
  const std::string bytes = bytes_of(11, large_bytes);
  const data_location location = store.put(bytes);
  for (int turns = 0; turns < 6; ++turns) {
    make_cold(store.data_path(location.file_number));
    std::vector<outcome<blob>> gets(16);
    {
      asio::io_context other;
      const flat_file_db bound = store.db.bind(other);
      for (std::uint64_t i = 0; i < gets.size(); ++i) {
        bound.get({location.file_number, 0, i * 65536 + 1, i * 65536 + 60000}, gets[i].handler());
      }
      for (int i = 0; i < turns; ++i) other.poll_one();
    }
    for (auto& get : gets) REQUIRE(get.pending() == 0);
  }
}

}  // namespace conduit::test
