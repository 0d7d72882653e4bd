// Threads of the pool that become free while a long read is decoded.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include <atomic>
#include <chrono>
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

}  // namespace conduit::test
