// What blocks a thread of the store keeps nobody waiting who holds the lock between processes.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "support/bytes.hpp"
#include "support/outcome.hpp"
#include "support/run_loop.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

namespace {

constexpr std::size_t blob_bytes = 2U << 20;
// Only surveys read so much away from the loop.
constexpr std::size_t big_read = 32U << 10;

// Calls that stop until the gate opens.
class gate {
 public:
  ~gate() { open(); }
  void pass() {
    std::unique_lock hold(mutex_);
    ++waiting_;
    opened_.wait(hold, [this] { return open_; });
  }
  void open() {
    const std::lock_guard hold(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  unsigned waiting() {
    const std::lock_guard hold(mutex_);
    return waiting_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  unsigned waiting_ = 0;
  bool open_ = false;
};

// What stops, while `closed` says so.
struct gates {
  std::atomic<bool> closed{false};
  gate big_reads;         // of a survey
  gate opens;             // for reading, where the kernel would have to ask the disk
  gate background_syncs;  // of data files, away from the loop
};

constexpr std::string_view stopping = "00000000.dat";

auto gated(gates& where) {
  const auto script = std::make_shared<disk_script>();
  script->set_rule([&where](const seen_call& call) -> std::optional<fault> {
    if (!where.closed || !call.cached_only) return std::nullopt;
    return fault::with_error(EAGAIN);
  });
  script->before(io_call::read, [&where](const seen_call& call) {
    if (where.closed && call.size >= big_read) where.big_reads.pass();
  });
  script->before(io_call::open, [&where](const seen_call& call) {
    const bool may_wait = !call.creates && !call.cached_only;
    if (where.closed && may_wait && call.file.ends_with(stopping)) where.opens.pass();
  });
  script->before(io_call::sync_data, [&where](const seen_call&) {
    if (where.closed) where.background_syncs.pass();
  });
  return scripted(script);
}

struct gated_store {
  explicit gated_store(const store_fixture::change& adjust = {}) : how(options_in(directory)) {
    if (adjust) adjust(how);
    store.emplace(context, how, gated(where));
    const std::string big = bytes_of(1, blob_bytes);
    stored = run(context, store->put(asio::buffer(big), asio::use_awaitable));
    run(context, store->roll(asio::use_awaitable));
  }
  ~gated_store() { end(); }
  // Lets everything go on to its end.
  void end() {
    where.big_reads.open();
    where.opens.open();
    where.background_syncs.open();
    run_dry(context);
  }

  temporary_directory directory;
  options how;
  gates where;
  asio::io_context context;
  std::optional<store_on_disk> store;
  data_location stored;
};

// A put, a roll, another put and a get that has to open its file: whether all of them end.
bool can_use_the_lock(gated_store& used) {
  outcome<data_location> put;
  outcome<std::uint32_t> roll;
  outcome<data_location> second;
  outcome<blob> get;
  used.store->put(asio::buffer("first", 5), put.handler());
  used.store->roll(roll.handler());
  used.store->put(asio::buffer("second", 6), second.handler());
  if (run_until_holds(used.context, [&] { return second.called(); }))
    used.store->get(second.value(), get.handler());
  const bool ended = run_until_holds(used.context, [&] { return get.called(); });
  if (!ended) used.end();
  return ended && put.well() && roll.well() && second.well() && get.well();
}

}  // namespace

TEST_CASE(
    "puts, rolls and gets go on while more files are verified than there are threads for it") {
  gated_store used(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  used.where.background_syncs.open();
  used.where.opens.open();
  used.where.closed = true;
  std::deque<outcome<verify_report>> surveys(5);
  for (auto& survey : surveys) used.store->verify(0, survey.handler());
  CHECK(run_until_holds(used.context, [&] { return used.where.big_reads.waiting() >= 2; }));
  CHECK(can_use_the_lock(used));
  for (auto& survey : surveys) CHECK_FALSE(survey.called());
  used.end();
  for (auto& survey : surveys) CHECK(survey.well());
}

TEST_CASE("puts and rolls go on while gets wait for their file to open") {
  gated_store used;
  used.where.background_syncs.open();
  used.where.closed = true;
  std::deque<outcome<blob>> gets(5);
  for (auto& get : gets) used.store->get(used.stored, get.handler());
  CHECK(run_until_holds(used.context, [&] { return used.where.opens.waiting() >= 2; }));
  outcome<data_location> put;
  outcome<std::uint32_t> roll;
  used.store->put(asio::buffer("first", 5), put.handler());
  used.store->roll(roll.handler());
  CHECK(run_until_holds(used.context, [&] { return put.called() && roll.called(); }));
  for (auto& get : gets) CHECK_FALSE(get.called());
  used.end();
  CHECK(put.well());
  CHECK(roll.well());
  for (auto& get : gets) CHECK(get.well());
}

TEST_CASE(
    "puts, rolls and gets go on while a sealed file is synced in the background and others are "
    "verified") {
  gated_store used([](options& how) { how.compression = compression::zstd; });
  used.where.opens.open();
  run(used.context, used.store->put(asio::buffer("x", 1), asio::use_awaitable));
  used.where.closed = true;
  // Of a compressed file that is left, the table is synced behind the holder's back.
  run(used.context, used.store->roll(asio::use_awaitable));
  CHECK(run_until_holds(used.context, [&] { return used.where.background_syncs.waiting() >= 1; }));
  std::deque<outcome<verify_report>> surveys(2);
  for (auto& survey : surveys) used.store->verify(0, survey.handler());
  CHECK(can_use_the_lock(used));
  used.end();
  for (auto& survey : surveys) CHECK(survey.well());
}

}  // namespace conduit::test
