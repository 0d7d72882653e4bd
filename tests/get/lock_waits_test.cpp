// Gets that wait for the inter-process lock: how many threads and descriptors they cost, and whom
// they wait for.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "get/framed_store.hpp"
#include "support/child_process.hpp"
#include "support/foreign_lock.hpp"
#include "support/run_loop.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_on_disk.hpp"
#include "support/thread_limit.hpp"

namespace conduit::test {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t frame_bytes = 1000;

unsigned open_descriptors() {
  unsigned count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd"))
    count += entry.is_symlink() ? 1U : 0U;
  return count;
}

// What the handler of a read was called with.
class read_outcome {
 public:
  auto handler() {
    return [this, keep = alive_](std::error_code with, blob /*bytes*/) {
      called_ = true;
      error = with;
    };
  }
  bool called() const { return called_; }
  bool well() const { return called_ && !error; }
  bool dropped() const { return !called_ && alive_.use_count() == 1; }

  std::error_code error;

 private:
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  bool called_ = false;
};

// A reader of a store whose mutable file has frames that it does not know yet.
struct waiting_reader {
  explicit waiting_reader(const framed_store& store)
      : reader(context, reading(store), scripted(script)) {}

  static options reading(const framed_store& store) {
    options how = store.host.how;
    how.read_only = true;
    return how;
  }

  void begin(read_outcome& result, asio::cancellation_signal& signal,
             data_location where = at(1, 0, frame_bytes)) {
    reader.get(where, asio::bind_cancellation_slot(signal.slot(), result.handler()));
  }
  void begin(read_outcome& result, data_location where = at(1, 0, frame_bytes)) {
    reader.get(where, result.handler());
  }

  // Returns once the lock was asked for in vain, `times` in all, and the read waits.
  void wait_for_refusals(std::size_t times) {
    while (lock_requests() < times) run_some();
    // What comes next, if it has not come yet, is the news that somebody has the lock.
    context.restart();
    context.run_one_for(std::chrono::milliseconds(20));
  }
  std::size_t lock_requests() const {
    std::size_t count = 0;
    for (const seen_call& call : script->calls())
      count += call.kind == io_call::try_lock_shared ? 1U : 0U;
    return count;
  }
  void run_some() {
    context.restart();
    context.poll_one();
    std::this_thread::yield();
  }

  std::shared_ptr<disk_script> script = std::make_shared<disk_script>();
  asio::io_context context;
  store_on_disk reader;
};

// Each begins to wait, and is cancelled.
void cancel_waits(waiting_reader& by, unsigned count) {
  const std::size_t before = by.lock_requests();
  for (unsigned i = 0; i < count; ++i) {
    read_outcome get;
    asio::cancellation_signal signal;
    by.begin(get, signal);
    by.wait_for_refusals(before + i + 1);
    REQUIRE_FALSE(get.called());
    signal.emit(asio::cancellation_type::terminal);
    REQUIRE(run_until_holds(by.context, [&] { return get.called(); }));
    REQUIRE(get.error == asio::error::operation_aborted);
  }
}

// In a process that can have no more threads: the line of the first failed expectation, or 0.
int wait_without_threads(const framed_store& store) {
  waiting_reader by(store);
  read_outcome unknown;
  by.begin(unknown);
  if (!run_until_holds(by.context, [&] { return unknown.called(); }) ||
      unknown.error != errc::out_of_range)
    return __LINE__;
  // From here on there is a thread that looks.
  foreign_lock writer(store.host.lock_path());
  store.write(1, store.frames.with_table());
  thread_limit threads;
  threads.forbid();
  read_outcome refused;
  by.begin(refused);
  if (!run_until_holds(by.context, [&] { return refused.called(); })) return __LINE__;
  if (refused.error != std::errc::resource_unavailable_try_again) return __LINE__;
  threads.allow();
  const std::size_t before = by.lock_requests();
  read_outcome get;
  by.begin(get);
  by.wait_for_refusals(before + 1);
  if (get.called()) return __LINE__;
  writer.release();
  return run_until_holds(by.context, [&] { return get.called(); }) && get.well() ? 0 : __LINE__;
}

}  // namespace

TEST_CASE(
    "a get that cannot wait for the lock tells its handler that there is no thread, and the next "
    "one waits") {
  const framed_store store(3, frame_bytes);
  CHECK(in_child([&] { return wait_without_threads(store); }) == 0);
}

TEST_CASE(
    "gets that give up waiting for the lock leave one thread and one open lock file, however many "
    "they are") {
  const framed_store store(3, frame_bytes);
  waiting_reader by(store);
  read_outcome known;
  by.begin(known, at(0, 0, frame_bytes));
  REQUIRE(run_until_holds(by.context, [&] { return known.called(); }));
  foreign_lock writer(store.host.lock_path());
  store.write(1, store.frames.with_table());
  const unsigned threads = count_threads();
  const unsigned descriptors = open_descriptors();
  for (int round = 0; round < 2; ++round) {
    cancel_waits(by, 100);
    // The file that is read was opened too, and the threads that open and look have begun. A lock
    // file is open with its directory, and the data directory for the mark of a waiter.
    CHECK(count_threads() <= threads + 3);
    CHECK(open_descriptors() <= descriptors + 4);
  }
  writer.release();
  read_outcome get;
  by.begin(get);
  CHECK(run_until_holds(by.context, [&] { return get.called(); }));
  CHECK(get.well());
}

TEST_CASE(
    "gets of several event loops that wait for the lock are all served when it is free, by one "
    "thread") {
  const framed_store store(3, frame_bytes);
  waiting_reader by(store);
  foreign_lock writer(store.host.lock_path());
  store.write(1, store.frames.with_table());
  std::array<asio::io_context, 5> loops;
  std::vector<store_on_disk> readers;
  std::array<read_outcome, 5> gets;
  const std::size_t before = by.lock_requests();
  for (std::size_t i = 0; i < loops.size(); ++i) {
    readers.push_back(by.reader.bind(loops[i]));
    readers[i].get(at(1, i, frame_bytes), gets[i].handler());
    while (by.lock_requests() < before + i + 1) {
      loops[i].poll_one();
      std::this_thread::yield();
    }
    loops[i].restart();
    loops[i].run_one_for(std::chrono::milliseconds(20));
  }
  const unsigned threads = count_threads();
  for (auto& get : gets) CHECK_FALSE(get.called());
  writer.release();
  for (std::size_t i = 0; i < loops.size(); ++i) {
    CHECK(run_until_holds(loops[i], [&] { return gets[i].called(); }));
    CHECK(gets[i].well());
  }
  CHECK(count_threads() <= threads);
}

TEST_CASE("a get that waits for the lock gets it shared while a put still waits for it alone") {
  machine host([](options& how) { how.compression = compression::zstd; });
  process other = host.start();
  const auto first = other->put("first");
  process store = host.start();
  foreign_lock neighbour(host.lock_path());
  const std::string bytes = "waits";
  const auto put = store->begin_put(bytes);
  const auto get = store->begin_get(first.value);
  store->context().restart();
  while (store.calls(io_call::try_lock_shared).empty() || store.calls(io_call::try_lock).empty())
    store->context().poll_one();
  store->context().run_for(std::chrono::milliseconds(5));
  CHECK_FALSE(get->has_value());
  neighbour.share();
  CHECK(store->wait(get).value.text() == "first");
  CHECK_FALSE(put->has_value());
  neighbour.release();
  CHECK_FALSE(store->wait(put).error);
}

TEST_CASE(
    "a get that waits for a lock file that is replaced meanwhile goes by the one that stands "
    "there") {
  const framed_store store(3, frame_bytes);
  waiting_reader by(store);
  foreign_lock writer(store.host.lock_path());
  store.write(1, store.frames.with_table());
  read_outcome get;
  by.begin(get);
  by.wait_for_refusals(1);
  // In one step: where there is no lock file at all, nobody has to wait.
  const fs::path beside = store.host.lock_path().string() + ".next";
  foreign_lock next(beside);
  fs::rename(beside, store.host.lock_path());
  writer.release();
  by.context.restart();
  by.context.run_for(std::chrono::milliseconds(5));
  CHECK_FALSE(get.called());
  next.release();
  CHECK(run_until_holds(by.context, [&] { return get.called(); }));
  CHECK(get.well());
}

TEST_CASE(
    "a get that waits for the lock may outlive neither its loop nor its store, though the thread "
    "that waits does") {
  const framed_store store(3, frame_bytes);
  foreign_lock writer(store.host.lock_path());
  store.write(1, store.frames.with_table());
  read_outcome get;
  {
    waiting_reader by(store);
    by.begin(get);
    by.wait_for_refusals(1);
  }
  CHECK(get.dropped());
  writer.release();
  wait_until_lock_is_free(store.host.lock_path());
}

}  // namespace conduit::test
