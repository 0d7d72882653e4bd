// Rule 10 of the protocol on disk: a file that is synced in the background, and what is put into it
// meanwhile.
#include <asio/buffer.hpp>
#include <asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>

#include "store/binding.hpp"
#include "support/outcome.hpp"
#include "support/run_loop.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

namespace {

// Syncs of data files wait until they are let go; no file can be created while there is a refusal.
struct slow_sync_script {
  std::atomic<int> refusal{0};
  std::atomic<unsigned> begun_since_put{0};

  void begin_sync() {
    std::unique_lock hold(mutex);
    ++begun_since_put;
    changed.wait(hold, [this] { return may_end; });
  }
  void let_syncs_end() {
    const std::lock_guard hold(mutex);
    may_end = true;
    changed.notify_all();
  }
  ~slow_sync_script() { let_syncs_end(); }

  std::mutex mutex;
  std::condition_variable changed;
  bool may_end = false;
};

// The first file of a boot is synced on its creation, empty.
bool is_empty(int fd) {
  struct ::stat found{};
  return ::fstat(fd, &found) != 0 || found.st_size == 0;
}

auto slow_syncs(slow_sync_script& slow) {
  const auto script = std::make_shared<disk_script>();
  script->before(io_call::sync_data, [&slow](const seen_call& call) {
    if (!is_empty(call.fd)) slow.begin_sync();
  });
  script->set_rule([&slow](const seen_call& call) -> std::optional<fault> {
    if (!call.creates || slow.refusal == 0) return std::nullopt;
    return fault::with_error(slow.refusal);
  });
  return scripted(script);
}

}  // namespace

TEST_CASE(
    "rule 10: where the next file cannot be begun, sync covers what is put into the old one "
    "afterwards") {
  temporary_directory directory;
  options how = options_in(directory);
  how.compression = GENERATE(compression::none, compression::zstd);
  slow_sync_script script;
  asio::io_context context;
  const store_on_disk store(context, how, slow_syncs(script));
  run(context, store.put(asio::buffer("some bytes", 10), asio::use_awaitable));
  script.refusal = GENERATE(EMFILE, ENOSPC);
  outcome<std::uint32_t> roll;
  store.roll(roll.handler());
  run_dry(context);
  REQUIRE(roll.error.value() == script.refusal);
  script.refusal = 0;
  run(context, store.put(asio::buffer("more bytes", 10), asio::use_awaitable));
  script.let_syncs_end();
  // What was posted before has ended then.
  std::promise<void> reached;
  REQUIRE(
      !store.internals().state->helpers.post_in_background([&reached] { reached.set_value(); }));
  reached.get_future().wait();
  script.begun_since_put = 0;
  outcome<> sync;
  store.sync(sync.handler());
  run_dry(context);
  CHECK(sync.well());
  CHECK(script.begun_since_put == 1);
}

}  // namespace conduit::test
