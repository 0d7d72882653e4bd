// Long reads of a compressed file beside others: of the threads of the pool, and of one frame.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>

#include "support/bytes.hpp"
#include "support/moment.hpp"
#include "support/outcome.hpp"
#include "support/run_loop.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

TEST_CASE("a long read that began beside a busy pool gets the threads that become free") {
  temporary_directory directory;
  options how = options_in(directory);
  how.compression = compression::zstd;
  how.codec_threads = 2;
  how.frame_cache_bytes = 0;
  asio::io_context context;
  const auto script = std::make_shared<disk_script>();
  const store_on_disk store(context, how, scripted(script));
  const std::string first_bytes = bytes_of(1, 1U << 20);
  // Takes more than one turn of a thread.
  const std::string long_bytes = bytes_of(2, 96U << 20);
  outcome<data_location> first;
  outcome<data_location> second;
  store.put(asio::buffer(first_bytes), first.handler());
  store.put(asio::buffer(long_bytes), second.handler());
  run_dry(context);
  REQUIRE((first.well() && second.well()));

  std::atomic<unsigned> stopped{0};
  moment go_on;
  // Of the last quarter: the thread that comes first waits for another one.
  std::atomic<unsigned> arrived{0};
  moment second_came;
  std::atomic<bool> met{false};
  script->before(io_call::read_cached, [&](const seen_call& call) {
    if (call.offset < first_bytes.size()) {
      ++stopped;
      go_on.wait();
    } else if (call.offset > first_bytes.size() + long_bytes.size() / 4 * 3) {
      if (arrived++ == 0) {
        met = second_came.wait_for(std::chrono::seconds(10));
      } else {
        second_came.reach();
      }
    }
  });
  outcome<blob> busy;
  outcome<blob> found;
  store.get(first.value(), busy.handler());
  REQUIRE(run_until_holds(context, [&] { return stopped == how.codec_threads; }));
  store.get(second.value(), found.handler());
  context.restart();
  context.poll();
  go_on.reach();
  run_dry(context);
  REQUIRE((busy.well() && found.well()));
  CHECK(met);
}

TEST_CASE("a read of the frame in which a long read begins does not wait for the long read") {
  temporary_directory directory;
  options how = options_in(directory);
  how.compression = compression::zstd;
  asio::io_context context;
  const auto script = std::make_shared<disk_script>();
  const store_on_disk store(context, how, scripted(script));
  const std::string bytes = bytes_of(3, 48U << 20);
  outcome<data_location> put;
  store.put(asio::buffer(bytes), put.handler());
  run_dry(context);
  REQUIRE(put.well());

  moment go_on;
  script->before(io_call::read_cached, [&](const seen_call& call) {
    if (call.offset > bytes.size() / 2) go_on.wait();
  });
  outcome<blob> whole;
  outcome<blob> beside;
  store.get_slice(put.value(), {1, bytes.size()}, whole.handler());
  store.get_slice(put.value(), {2, 5}, beside.handler());
  CHECK(run_until_holds(context, [&] { return beside.called(); }));
  CHECK(!whole.called());
  go_on.reach();
  run_dry(context);
  REQUIRE((beside.well() && whole.well()));
  CHECK(std::memcmp(beside.value().data(), bytes.data() + 2, 3) == 0);
  CHECK(std::memcmp(whole.value().data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace conduit::test
