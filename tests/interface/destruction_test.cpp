// The end of contexts and of handles while operations are pending: nothing leaks, nothing runs,
// nothing hangs.
#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/foreign_lock.hpp"
#include "support/hooked_disk.hpp"
#include "support/loop_threads.hpp"
#include "support/moment.hpp"
#include "support/outcome.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

namespace {

using namespace std::chrono_literals;

// More than goes inline: the write is carried by the ring or by a thread.
constexpr std::size_t large_bytes = 8U << 20;

// Pushes a file out of the page cache, so that a read of it has to wait for the disk.
void make_cold(const std::filesystem::path& file) {
  const unique_fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  ::fdatasync(opened.get());
  ::posix_fadvise(opened.get(), 0, 0, POSIX_FADV_DONTNEED);
}

// One of each call, with handlers that must be destroyed and not run.
struct everything {
  std::string bytes = bytes_of(1, 1000);
  std::string large = bytes_of(2, large_bytes);
  std::string into = std::string(1000, '\0');
  outcome<data_location> put;
  outcome<data_location> large_put;
  outcome<std::vector<data_location>> put_many;
  outcome<blob> get;
  outcome<blob> get_slice;
  outcome<std::size_t> get_into;
  outcome<> sync;
  outcome<std::uint32_t> roll;
  outcome<> delete_file;
  outcome<std::size_t> delete_before;
  outcome<std::vector<file_info>> files;
  outcome<verify_report> verify;
  outcome<> close;

  void start(const flat_file_db& db, const data_location& known) {
    db.put(asio::buffer(bytes), put.handler());
    db.get(known, get.handler());
    db.get_slice(known, {1, 2}, get_slice.handler());
    db.get_into(known, slice{}, asio::buffer(into), get_into.handler());
    db.put(asio::buffer(large), large_put.handler());
    db.put_many({asio::buffer(bytes), asio::buffer(bytes)}, put_many.handler());
    db.sync(sync.handler());
    db.roll(0, roll.handler());
    db.delete_file(known.file_number + 1000, delete_file.handler());
    db.delete_before(known.file_number, delete_before.handler());
    db.files(files.handler());
    db.verify(known.file_number, verify.handler());
    db.close(close.handler());
  }

  std::size_t pending() const {
    return put.pending() + large_put.pending() + put_many.pending() + get.pending() +
           get_slice.pending() + get_into.pending() + sync.pending() + roll.pending() +
           delete_file.pending() + delete_before.pending() + files.pending() + verify.pending() +
           close.pending();
  }
  std::size_t calls() const {
    return put.calls + large_put.calls + put_many.calls + get.calls + get_slice.calls +
           get_into.calls + sync.calls + roll.calls + delete_file.calls + delete_before.calls +
           files.calls + verify.calls + close.calls;
  }
};

constexpr std::size_t calls_of_everything = 13;

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

TEST_CASE("A context that never ran drops every pending operation without running a handler") {
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

TEST_CASE("A context that dies after any number of turns has run or destroyed every handler") {
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

TEST_CASE("A handle may outlive its context") {
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

TEST_CASE("What the handler of a dropped call starts when it is destroyed is dropped too") {
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

TEST_CASE(
    "What is started when the handlers are destroyed that are posted to a context is dropped") {
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

TEST_CASE("A bound context that never ran drops its operations while home goes on") {
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

TEST_CASE("A bound context may die at any moment while home runs on another thread") {
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

TEST_CASE("A bound context that dies under a running roll leaves the roll to its end") {
  temporary_directory directory;
  const auto hooks = std::make_shared<disk_hooks>();
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), hooked(hooks));
  run(context, store.roll(asio::use_awaitable));
  moment creating;
  moment go_on;
  hooks->before_create = [&] {
    creating.reach();
    go_on.wait();
  };
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

TEST_CASE("A bound context that dies under a running removal leaves the removal to its end") {
  temporary_directory directory;
  const auto hooks = std::make_shared<disk_hooks>();
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), hooked(hooks));
  for (int i = 0; i < 4; ++i) run(context, store.roll(asio::use_awaitable));
  moment removing;
  moment go_on;
  hooks->before_remove = [&] {
    removing.reach();
    go_on.wait();
  };
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
    "A bound context that dies just before the write of its put begins waits for that write") {
  temporary_directory directory;
  const auto hooks = std::make_shared<disk_hooks>();
  asio::io_context context;
  const store_on_disk store(context, options_in(directory), hooked(hooks));
  run(context, store.roll(asio::use_awaitable));
  moment starting;
  moment revoking;
  hooks->before_start = [&](detail::io_request&) {
    starting.reach();
    revoking.wait();
  };
  hooks->before_wait = [&](detail::io_request&) { revoking.reach(); };
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
    "A put of a living context is stored although another one of its batch lost its context before "
    "the write") {
  temporary_directory directory;
  const auto hooks = std::make_shared<disk_hooks>();
  options how = options_in(directory);
  how.durability = durability::fdatasync;
  asio::io_context context;
  const store_on_disk store(context, how, hooked(hooks));
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
  hooks->before_write = [&] { other.reset(); };
  run_dry(context);
  hooks->before_write = {};
  CHECK(dropped.calls == 0);
  CHECK(dropped.pending() == 0);
  REQUIRE(before.well());
  REQUIRE(behind.well());
  CHECK(run(context, store.get(before.value(), asio::use_awaitable)).text() == kept);
  CHECK(run(context, store.get(behind.value(), asio::use_awaitable)).text() == kept);
}

TEST_CASE("A bound context may die while its put waits for another process") {
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

TEST_CASE("A bound context that dies under a large write waits for it although nobody runs home") {
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

TEST_CASE("A context may die with everything pending while another process holds the lock") {
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

TEST_CASE("A context that dies between the grant of the lock and its next turn holds no lock") {
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

TEST_CASE("A context dies with reads that the disk has not answered yet") {
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
