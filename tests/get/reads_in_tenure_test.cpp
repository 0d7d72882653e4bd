// Gets while this store's own writer is inside a tenure: its put is under way, under the lock that
// excludes every other process.
#include <asio/io_context.hpp>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <conduit/error.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/loop_threads.hpp"
#include "support/moment.hpp"
#include "support/run_loop.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

using namespace conduit;
using namespace conduit::test;

namespace {

// The writer's disk stops where a test says so, until `release`.
class tenure_script {
 public:
  tenure_script() {
    disk->before(io_call::write, [this](const seen_call&) {
      if (!stops_inline_) return;
      inside.reach();
      go_on_.wait();
    });
  }

  // A write on the spot stops its thread.
  void stop_inline() { stops_inline_ = true; }
  // One that is started is not passed on to the engine.
  void withhold() {
    disk->set_rule([](const seen_call& call) -> std::optional<fault> {
      if (call.kind != io_call::start_write) return std::nullopt;
      return fault{fault::kind::withheld};
    });
  }
  void release() {
    stops_inline_ = false;
    disk->set_rule({});
    go_on_.reach();
    disk->start_withheld();
  }

  const std::shared_ptr<disk_script> disk = std::make_shared<disk_script>();
  moment inside;  // stopped inline

 private:
  std::atomic<bool> stops_inline_{false};
  moment go_on_;
};

template <typename Value>
using result_of = std::shared_ptr<std::optional<std::pair<std::error_code, Value>>>;

template <typename Value>
auto handler_of(const result_of<Value>& result) {
  return [result](std::error_code error, Value value) { result->emplace(error, std::move(value)); };
}

result_of<data_location> begin_put(const store_on_disk& store, const std::string& bytes) {
  auto result = std::make_shared<std::optional<std::pair<std::error_code, data_location>>>();
  store.put(asio::buffer(bytes), handler_of(result));
  return result;
}

result_of<blob> begin_get(const store_on_disk& store, const data_location& where) {
  auto result = std::make_shared<std::optional<std::pair<std::error_code, blob>>>();
  store.get(where, handler_of(result));
  return result;
}

// Runs the loop until the condition holds: false where that takes longer than any working disk
// needs.
template <typename Condition>
bool run_until(asio::io_context& context, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  context.restart();
  while (!condition() && std::chrono::steady_clock::now() < deadline) {
    if (context.stopped()) context.restart();
    context.run_one_for(std::chrono::milliseconds(10));
  }
  return condition();
}

struct stored {
  data_location where;
  std::string bytes;
};

// A compressed store with blobs in a sealed file, in the mutable one, and one of the batch just
// before.
struct tenure_store {
  explicit tenure_store(durability wanted = durability::none) {
    how = options_in(directory);
    how.compression = compression::zstd;
    how.durability = wanted;
    open();
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      put(seed, 70'000);
      if (seed == 2) test::run(*context, store->roll(asio::use_awaitable));
    }
    REQUIRE(blobs.front().where.file_number != blobs.back().where.file_number);
  }

  void open() {
    script = std::make_shared<tenure_script>();
    store.emplace(*context, how, scripted(script->disk));
  }
  // As the next process would.
  void reopen() {
    test::run(*context, store->close(asio::use_awaitable));
    store.reset();
    context = std::make_unique<asio::io_context>();
    open();
  }

  void put(std::uint64_t seed, std::size_t size) {
    std::string bytes = bytes_of(seed, size);
    const data_location where =
        test::run(*context, store->put(asio::buffer(bytes), asio::use_awaitable));
    blobs.push_back({where, std::move(bytes)});
  }

  // Every blob, through a handle of `reader`, each within its time and none under the shared lock.
  void check_gets(asio::io_context& reader, const store_on_disk& handle) {
    for (const stored& one : blobs) {
      INFO(one.where.to_string());
      REQUIRE_FALSE(lock_is_free(lock_path()));
      const auto got = begin_get(handle, one.where);
      REQUIRE(run_until(reader, [&] { return got->has_value(); }));
      CHECK_FALSE((*got)->first);
      CHECK(((*got)->second.text() == one.bytes));
    }
    CHECK_FALSE(lock_is_free(lock_path()));
    CHECK(script->disk->count(io_call::try_lock_shared) == 0);
  }

  std::filesystem::path lock_path() const { return how.data_directory.string() + ".lock"; }

  temporary_directory directory;
  options how;
  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();
  std::shared_ptr<tenure_script> script;
  std::optional<store_on_disk> store;
  std::vector<stored> blobs;
};

}  // namespace

TEST_CASE(
    "gets of another context finish while the writer of their store is stopped within a write "
    "under the lock") {
  tenure_store at;
  if (GENERATE(false, true))
    at.reopen();  // then nothing is known but what the writer has found out
  asio::io_context other;
  const store_on_disk reader = at.store->bind(other);
  const std::string more = bytes_of(99, 50'000);
  at.script->stop_inline();
  const auto put = begin_put(*at.store, more);
  {
    loop_threads home(*at.context);
    at.script->inside.wait();
    at.check_gets(other, reader);
    at.script->release();
  }
  REQUIRE(put->has_value());
  CHECK_FALSE((*put)->first);
  CHECK(lock_is_free(at.lock_path()));
}

TEST_CASE("gets of the writer's own context finish while its write is under way under the lock") {
  // Both go through the engine: a durable batch, and one that is too large to be written on the
  // spot.
  const durability wanted = GENERATE(durability::fdatasync, durability::none);
  tenure_store at(wanted);
  if (GENERATE(false, true)) at.reopen();
  const std::string more = bytes_of(99, 1'600'000);
  at.script->withhold();
  const auto put = begin_put(*at.store, more);
  REQUIRE(run_until(*at.context, [&] { return at.script->disk->withholds(); }));
  at.check_gets(*at.context, *at.store);
  CHECK_FALSE(put->has_value());
  at.script->release();
  REQUIRE(run_until(*at.context, [&] { return put->has_value(); }));
  CHECK_FALSE((*put)->first);
}

TEST_CASE("a get of the batch before the one under way finishes, batch after batch") {
  tenure_store at;
  const std::vector<std::string> batches{bytes_of(7, 1'300'000), bytes_of(8, 1'400'000),
                                         bytes_of(9, 1'500'000)};
  for (const std::string& bytes : batches) {
    at.script->withhold();
    const auto put = begin_put(*at.store, bytes);
    REQUIRE(run_until(*at.context, [&] { return at.script->disk->withholds(); }));
    at.check_gets(*at.context, *at.store);
    at.script->release();
    REQUIRE(run_until(*at.context, [&] { return put->has_value(); }));
    REQUIRE_FALSE((*put)->first);
    at.blobs.push_back({(*put)->second, bytes});
  }
}

TEST_CASE(
    "a get of a blob that nobody has put waits until its own store's writer leaves the lock, and "
    "no other get waits") {
  tenure_store at;
  const std::string more = bytes_of(99, 1'600'000);
  at.script->withhold();
  const auto put = begin_put(*at.store, more);
  REQUIRE(run_until(*at.context, [&] { return at.script->disk->withholds(); }));
  data_location nowhere = at.blobs.back().where;
  nowhere.start = nowhere.end + 10'000'000;
  nowhere.end = nowhere.start + 10;
  const auto missing = begin_get(*at.store, nowhere);
  REQUIRE(run_until(*at.context,
                    [&] { return at.script->disk->count(io_call::try_lock_shared) != 0; }));
  at.script->disk->forget_calls();
  at.check_gets(*at.context, *at.store);
  CHECK_FALSE(missing->has_value());
  at.script->release();
  REQUIRE(run_until(*at.context, [&] { return put->has_value() && missing->has_value(); }));
  CHECK((*missing)->first == errc::out_of_range);
}
