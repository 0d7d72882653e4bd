// A process that can have no more threads: calls that need one say so, all others go on, and
// afterwards everything works again.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/foreign_lock.hpp"
#include "support/outcome.hpp"
#include "support/run_loop.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"
#include "support/thread_limit.hpp"

namespace conduit::test {

namespace {

constexpr auto no_thread = std::errc::resource_unavailable_try_again;

// The kernel knows nothing of the files: each has to be opened by a thread that may wait.
std::unique_ptr<io::file_io> cold(std::unique_ptr<io::file_io> real) {
  const auto script = std::make_shared<disk_script>();
  script->forget_names();
  return std::make_unique<scripted_disk>(std::move(real), script);
}

// Runs the loop until the call has ended; its error, or `timed_out`.
template <typename... Results>
std::error_code error_after(asio::io_context& context, const outcome<Results...>& call) {
  const bool ended = run_until_holds(context, [&] { return call.called(); });
  return ended ? call.error : std::make_error_code(std::errc::timed_out);
}

int put_without_threads(options how) {
  thread_limit threads;
  threads.forbid();
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, how);
  const std::string big = bytes_of(1, 20'000);
  for (int file = 0; file < 3; ++file) {
    const data_location small = run(context, db.put(asio::buffer("something", 9)));
    const data_location large = run(context, db.put(asio::buffer(big)));
    EXPECT_IN_CHILD(run(context, db.get(small)).text() == "something");
    EXPECT_IN_CHILD(run(context, db.get(large)).text() == big);
    const auto both = run(context, db.get_many({{large, {}}, {small, {1, 3}}}));
    EXPECT_IN_CHILD(both[0].data.text() == big && both[1].data.text() == "om");
    blob_reader reader = db.open_reader(large);
    std::string read(big.size(), '\0');
    for (std::size_t at = 0; at < read.size();)
      at += run(context, reader.async_read_some(asio::buffer(&read[at], 3'000)));
    EXPECT_IN_CHILD(read == big);
    run(context, db.roll());
  }
  run(context, db.sync());
  run(context, db.delete_file(0));
  run(context, db.close());
  return 0;
}

int look_without_threads(const options& how) {
  asio::io_context context;
  const store_on_disk store(context, how, cold);
  const data_location stored =
      run(context, store.put(asio::buffer("something", 9), asio::use_awaitable));
  run(context, store.roll(asio::use_awaitable));
  thread_limit threads;
  for (const bool forbidden : {true, false}) {
    forbidden ? threads.forbid() : threads.allow();
    outcome<blob> get;
    outcome<std::vector<file_info>> files;
    outcome<verify_report> verify;
    store.get(stored, get.handler());
    store.files(files.handler());
    store.verify(stored.file_number, verify.handler());
    const auto get_error = error_after(context, get);
    const auto files_error = error_after(context, files);
    const auto verify_error = error_after(context, verify);
    EXPECT_IN_CHILD(forbidden ? get_error == no_thread : !get_error);
    EXPECT_IN_CHILD(forbidden ? files_error == no_thread : !files_error);
    EXPECT_IN_CHILD(forbidden ? verify_error == no_thread : !verify_error);
  }
  return 0;
}

// Nothing else gives the loop work, and it runs once for each.
int look_with_nothing_else_pending(options how) {
  how.compression = compression::zstd;
  asio::io_context context;
  const std::string bytes = bytes_of(2, 1U << 20);
  data_location stored;
  {
    const flat_file_db writer = flat_file_db::open(context, how);
    stored = run(context, writer.put(asio::buffer(bytes)));
    run(context, writer.roll());
  }
  run_dry(context);
  const flat_file_db db = flat_file_db::open(context, how);
  thread_limit threads;
  for (const bool forbidden : {true, false}) {
    forbidden ? threads.forbid() : threads.allow();
    outcome<std::vector<file_info>> files;
    context.restart();
    db.files(files.handler());
    context.run();
    EXPECT_IN_CHILD(files.called());
    EXPECT_IN_CHILD(forbidden ? files.error == no_thread : files.well());
    outcome<blob> get;
    context.restart();
    db.get(stored, get.handler());
    context.run();
    EXPECT_IN_CHILD(get.called());
    EXPECT_IN_CHILD(forbidden ? get.error == no_thread : get.well());
  }
  return 0;
}

int compress_without_threads(const options& how) {
  asio::io_context context;
  const store_on_disk store(context, how, cold);
  const data_location stored =
      run(context, store.put(asio::buffer("something", 9), asio::use_awaitable));
  run(context, store.roll(asio::use_awaitable));
  thread_limit threads;
  for (const bool forbidden : {true, false}) {
    forbidden ? threads.forbid() : threads.allow();
    outcome<file_compression> compression;
    store.compress_file(stored.file_number, compression.handler());
    const auto error = error_after(context, compression);
    EXPECT_IN_CHILD(forbidden ? error == no_thread : !error);
  }
  return 0;
}

// Another process has the lock.
int put_behind_a_lock(const options& how) {
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, how);
  run(context, db.put(asio::buffer("x", 1)));
  foreign_lock other(how.data_directory.string() + ".lock");
  thread_limit threads;
  for (const bool forbidden : {true, false, true}) {
    forbidden ? threads.forbid() : threads.allow();
    outcome<data_location> put;
    db.put(asio::buffer("something", 9), put.handler());
    context.restart();
    context.run_for(std::chrono::milliseconds(5));
    EXPECT_IN_CHILD(!put.called());
    other.release();
    EXPECT_IN_CHILD(!error_after(context, put));
    wait_until_lock_is_free(how.data_directory.string() + ".lock");
    other.take();
  }
  return 0;
}

// The last that waits gives up: nothing is left to do, and the loop ends.
int cancel_behind_a_lock(const options& how) {
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, how);
  run(context, db.put(asio::buffer("x", 1)));
  foreign_lock other(how.data_directory.string() + ".lock");
  thread_limit threads;
  threads.forbid();
  outcome<data_location> put;
  outcome<> sync;
  asio::cancellation_signal cancel_put;
  asio::cancellation_signal cancel_sync;
  db.put(asio::buffer("something", 9),
         asio::bind_cancellation_slot(cancel_put.slot(), put.handler()));
  db.sync(asio::bind_cancellation_slot(cancel_sync.slot(), sync.handler()));
  context.restart();
  context.run_for(std::chrono::milliseconds(20));
  EXPECT_IN_CHILD(!put.called() && !sync.called());
  cancel_put.emit(asio::cancellation_type::terminal);
  cancel_sync.emit(asio::cancellation_type::terminal);
  context.restart();
  context.run();
  EXPECT_IN_CHILD(put.error == asio::error::operation_aborted);
  EXPECT_IN_CHILD(sync.error == asio::error::operation_aborted);
  return 0;
}

// It has its own thread, and can have none that waits for the lock.
int compress_behind_a_lock(const options& how) {
  const thread_limit threads;  // first: each thread gives up its own exemption from the limit
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, how);
  for (int file = 0; file < 2; ++file) {
    run(context, db.put(asio::buffer("something", 9)));
    run(context, db.roll());
  }
  run(context, db.compress_file(0));
  foreign_lock other(how.data_directory.string() + ".lock");
  threads.forbid();
  outcome<file_compression> refused;
  db.compress_file(1, refused.handler());
  EXPECT_IN_CHILD(error_after(context, refused) == no_thread);
  threads.allow();
  outcome<file_compression> compression;
  db.compress_file(1, compression.handler());
  context.restart();
  while (!lock_is_waited_for(how.data_directory.string() + ".lock")) context.poll_one();
  other.release();
  EXPECT_IN_CHILD(!error_after(context, compression));
  return 0;
}

int check_behind_a_lock(options how) {
  const thread_limit threads;  // first: each thread gives up its own exemption from the limit
  how.compression = compression::zstd;
  const auto script = std::make_shared<disk_script>();
  asio::io_context context;
  const store_on_disk store(context, how, scripted(script));
  run(context, store.put(asio::buffer("something", 9), asio::use_awaitable));
  run(context, store.verify(0, asio::use_awaitable));
  EXPECT_IN_CHILD(script->count(io_call::try_lock_shared) == 0);
  std::ofstream(how.data_directory / "data_00000000.dat.zst", std::ios::app) << "no frame";
  foreign_lock holder(how.data_directory.string() + ".lock");
  script->before(io_call::try_lock_shared, [&](const seen_call&) {
    if (script->count(io_call::try_lock_shared) == 3) holder.release();
  });
  threads.forbid();
  outcome<verify_report> verify;
  store.verify(0, verify.handler());
  EXPECT_IN_CHILD(!error_after(context, verify));
  EXPECT_IN_CHILD(script->count(io_call::try_lock_shared) >= 3);
  EXPECT_IN_CHILD(verify.value().faults.size() == 1);
  return 0;
}

// The thread that compresses could not be started at the open: it is at the next file that is
// sealed.
int compress_on_seal(options how) {
  how.compression = compression::zstd_on_seal;
  std::atomic<unsigned> compressed{0};
  how.on_event = [&](const event& news) {
    compressed += news.what == event::kind::file_compressed ? 1U : 0U;
  };
  thread_limit threads;
  threads.forbid();
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, how);
  run(context, db.put(asio::buffer("something", 9)));
  run(context, db.roll());
  EXPECT_IN_CHILD(compressed == 0);
  threads.allow();
  run(context, db.put(asio::buffer("something", 9)));
  run(context, db.roll());
  EXPECT_IN_CHILD(run_until_holds(context, [&] { return compressed == 2; }));
  return 0;
}

}  // namespace

TEST_CASE("puts, rolls, syncs and gets of open files do without threads if none can be had") {
  temporary_directory directory;
  options how = options_in(directory);
  how.compression = GENERATE(compression::none, compression::zstd);
  CHECK(in_child([&] { return put_without_threads(how); }) == 0);
}

TEST_CASE(
    "a look that needs a thread tells its handler that there is none, and the next one works") {
  temporary_directory directory;
  CHECK(in_child([&] { return look_without_threads(options_in(directory)); }) == 0);
}

TEST_CASE(
    "a look that needs a thread, and is all that a loop has to do, tells its handler before the "
    "loop ends") {
  temporary_directory directory;
  CHECK(in_child([&] { return look_with_nothing_else_pending(options_in(directory)); }) == 0);
}

TEST_CASE("compress_file tells its handler that there is no thread, and the next one works") {
  temporary_directory directory;
  CHECK(in_child([&] { return compress_without_threads(options_in(directory)); }) == 0);
}

TEST_CASE("a put waits for the lock of another process without a thread for it") {
  temporary_directory directory;
  CHECK(in_child([&] { return put_behind_a_lock(options_in(directory)); }) == 0);
}

TEST_CASE("a put and a sync that wait for the lock without a thread can be cancelled") {
  temporary_directory directory;
  CHECK(in_child([&] { return cancel_behind_a_lock(options_in(directory)); }) == 0);
}

TEST_CASE("compress_file tells that no thread can wait for the lock, and the next one waits") {
  temporary_directory directory;
  CHECK(in_child([&] { return compress_behind_a_lock(options_in(directory)); }) == 0);
}

TEST_CASE("a check of the mutable file polls for the lock where no thread can wait for it") {
  temporary_directory directory;
  CHECK(in_child([&] { return check_behind_a_lock(options_in(directory)); }) == 0);
}

TEST_CASE(
    "a store that compresses sealed files opens without a thread for it, and begins with the next "
    "file") {
  temporary_directory directory;
  CHECK(in_child([&] { return compress_on_seal(options_in(directory)); }) == 0);
}

}  // namespace conduit::test
