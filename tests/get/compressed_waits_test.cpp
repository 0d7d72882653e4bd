// Gets of compressed files beside writers: what is found under the lock, and what ends a read
// early.
#include <algorithm>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>
#include <deque>
#include <filesystem>
#include <memory>

#include "get/framed_store.hpp"
#include "support/foreign_lock.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;
TEST_CASE("a get finds under the lock the blob that another process appended to the mutable file") {
  framed_store store(3, 1000);
  process reader = store.host.start(read_only);
  CHECK(reader->get(at(1, 0, 10)).error == errc::out_of_range);
  store.write(1, store.frames.with_table());
  CHECK(reader->get(at(1, 500, 1500)).value == store.plain.substr(500, 1000));
  reader.script->forget_calls();
  CHECK(reader->get(at(1, 2000, 3000)).value == store.plain.substr(2000, 1000));
  CHECK(reader.calls(io_call::try_lock_shared).empty());
  file_of_frames more = store.frames;
  more.add_plain(as_bytes("appended"));
  store.write(1, more.without_table());
  CHECK(reader->get(at(1, 2998, 3008)).value == store.plain.substr(2998) + "appended");
  CHECK(reader.calls(io_call::try_lock_shared).size() == 1);
  CHECK(lock_is_free(store.host.lock_path()));
}

namespace {

// What the handler of a read was called with.
struct read_outcome {
  auto handler() {
    return [this, keep = alive](std::error_code with, blob result) {
      ++calls;
      error = with;
      bytes = std::move(result);
    };
  }
  std::size_t pending() const {
    return static_cast<std::size_t>(alive.use_count() - 1);
  }  // handlers neither run nor destroyed
  bool well() const { return calls == 1 && !error; }

  std::shared_ptr<int> alive = std::make_shared<int>(0);
  int calls = 0;
  std::error_code error;
  blob bytes;
};

// Reads by one event loop, to be cancelled or left behind.
struct pending_reads {
  pending_reads(const framed_store& store, const machine::change& adjust = {}) {
    options how = store.host.how;
    how.read_only = true;
    if (adjust) adjust(how);
    db = flat_file_db::open(*context, how);
  }

  void get(const data_location& where) {
    signals.emplace_back();
    results.emplace_back();
    db.get(where, asio::bind_cancellation_slot(signals.back().slot(), results.back().handler()));
  }
  void run_for(std::chrono::milliseconds time) {
    context->restart();
    context->run_for(time);
  }
  void run() {
    context->restart();
    context->run();
  }
  bool none_called() const {
    return std::none_of(results.begin(), results.end(),
                        [](const auto& one) { return one.calls != 0; });
  }

  std::deque<asio::cancellation_signal> signals;
  std::deque<read_outcome> results;
  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();
  flat_file_db db;
};

}  // namespace

TEST_CASE("a location not yet known waits for the writer that has the lock") {
  framed_store store(3, 1000);
  foreign_lock writer(store.host.lock_path());
  pending_reads reads(store);
  reads.get(at(0, 5, 6));  // of a sealed file: no lock
  reads.run();
  REQUIRE(reads.results[0].well());
  reads.results.clear();
  reads.signals.clear();
  for (std::uint64_t i = 0; i < 5; ++i) reads.get(at(1, 990 + i, 1010));
  reads.run_for(std::chrono::milliseconds(GENERATE(0, 20)));
  CHECK(reads.none_called());
  SECTION("and is found when the writer is done") {
    store.write(1, store.frames.without_table());
    writer.release();
    reads.run();
    for (std::uint64_t i = 0; i < 5; ++i) {
      REQUIRE(reads.results[i].well());
      CHECK(reads.results[i].bytes.text() == std::string_view(store.plain).substr(990 + i, 20 - i));
    }
  }
  SECTION("and ends as aborted where it is cancelled") {
    for (auto& signal : reads.signals) signal.emit(asio::cancellation_type::terminal);
    CHECK(reads.none_called());
    reads.run();
    for (const auto& result : reads.results) CHECK(result.error == asio::error::operation_aborted);
  }
  SECTION("and is dropped with its context") {
    reads.db = {};
    reads.context.reset();
    CHECK(reads.none_called());
    for (const auto& result : reads.results) CHECK(result.pending() == 0);
  }
}

TEST_CASE("reads of frames can be cancelled or dropped at any moment") {
  framed_store store(60, 300000);
  const int turns = GENERATE(0, 1, 2, 3, 5, 8, 20);
  const std::size_t cache = GENERATE(0U, 32U << 20);
  pending_reads reads(store, [&](options& how) { how.frame_cache_bytes = cache; });
  for (std::uint64_t i = 0; i < 40; ++i)
    reads.get(at(0, i * 100000, i * 100000 + (i % 2 == 0 ? 5000000 : 100)));
  for (int turn = 0; turn < turns; ++turn) {
    reads.context->restart();
    reads.context->poll_one();
  }
  SECTION("cancelled") {
    for (auto& signal : reads.signals) signal.emit(asio::cancellation_type::partial);
    reads.run();
    for (std::uint64_t i = 0; i < 40; ++i) {
      auto& result = reads.results[i];
      REQUIRE(result.calls == 1);
      if (result.error) CHECK(result.error == asio::error::operation_aborted);
      if (!result.error)
        CHECK(result.bytes.text() ==
              std::string_view(store.plain).substr(i * 100000, result.bytes.size()));
    }
  }
  SECTION("dropped") {
    reads.db = {};
    reads.context.reset();
    for (const auto& result : reads.results) CHECK(result.pending() == 0);
  }
}

TEST_CASE(
    "a get reads without the lock the blob that its own store appended, even while another process "
    "has the lock") {
  machine host([](options& how) { how.compression = compression::zstd; });
  process store = host.start();
  const std::string bytes = bytes_of(3, 200000);
  const auto blob = store->put(bytes);
  REQUIRE(!blob.error);
  const foreign_lock other(host.lock_path());
  CHECK(store->get(blob.value).value == bytes);
  CHECK(store->get(blob.value, {70000, 70010}).value == bytes.substr(70000, 10));
  CHECK(store->get_in_coroutine(blob.value, {70005, 70020}).value == bytes.substr(70005, 15));
  CHECK(store.calls(io_call::try_lock_shared).empty());
}

TEST_CASE("puts and gets of two processes on one compressed store see each other's blobs") {
  machine host([](options& how) {
    how.compression = compression::zstd;
    how.max_file_size = 300000;
  });
  process first = host.start();
  process second = host.start();
  process reader = host.start(read_only);
  std::vector<std::pair<data_location, std::string>> stored;
  for (std::uint64_t round = 0; round < 40; ++round) {
    const std::string bytes(text(text_of(round, 1 + 997 * round)));
    const auto blob = (round % 2 == 0 ? first : second)->put(bytes);
    REQUIRE(!blob.error);
    stored.emplace_back(blob.value, bytes);
    for (process* one : {&first, &second, &reader}) REQUIRE((*one)->get(blob.value).value == bytes);
  }
  for (const auto& [where, bytes] : stored) {
    for (process* one : {&first, &second, &reader}) REQUIRE((*one)->get(where).value == bytes);
  }
  CHECK(reader->files().value.size() > 2);
  for (const file_info& file : reader->files().value)
    CHECK(reader->verify(file.number).value.faults.empty());
}

TEST_CASE(
    "a sealed file that is cut or replaced under a reader gives an error and never wrong bytes") {
  framed_store store(20, 30000);
  process reader = store.host.start(read_only);
  REQUIRE(!reader->get(at(0, 0, 10)).error);
  SECTION("cut") {
    fs::resize_file(store.path(0), 100000);
    CHECK(reader->get(at(0, 500000, 500010)).error == errc::corrupt);
    CHECK(reader->get(at(0, 30000, 30010)).value == store.plain.substr(30000, 10));
  }
  SECTION("removed") {
    fs::remove(store.path(0));
    CHECK(reader->get(at(0, 500000, 500010)).value == store.plain.substr(500000, 10));
  }
  SECTION("replaced by a longer one") {
    file_of_frames more = store.frames;
    more.add_plain(as_bytes("appended"));
    fs::remove(store.path(0));
    store.write(0, more.with_table());
    CHECK(reader->get(at(0, store.plain.size(), store.plain.size() + 8)).value == "appended");
  }
}
