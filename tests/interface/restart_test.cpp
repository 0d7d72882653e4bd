// Loops that run again: whatever began between two runs, or was under way when the threads of the
// first one ended, is told in the next.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "support/outcome.hpp"
#include "support/page_cache.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

TEST_CASE(
    "a get that begins between two runs, with nothing else pending, is told in the second one") {
  store_fixture store([](options& how) {
    how.compression = compression::zstd;
    how.frame_cache_bytes = 0;
  });
  const std::string bytes = bytes_of(1, 70'000);  // two frames
  const data_location known = store.put(bytes);
  store.roll();
  // A look at the file's frames may end on its thread before the call that wants it does.
  unsigned told = 0;
  for (unsigned round = 0; round < 500; ++round) {
    outcome<blob> get;
    store.context.restart();
    store.db.get(known, get.handler());
    store.context.run();
    if (get.well() && get.value().text() == bytes) ++told;
    run_dry(store.context);
  }
  CHECK(told == 500);
}

TEST_CASE(
    "gets of cold files end well although the thread that asked the disk for them has ended") {
  const auto change = GENERATE(values<store_fixture::change>({
      [](options& how) { how.compression = compression::none; },
      [](options& how) { how.compression = compression::zstd; },
      [](options& how) { how.direct_io = true; },
  }));
  store_fixture store([&](options& how) {
    how.frame_cache_bytes = 0;
    change(how);
  });
  constexpr std::uint64_t seed = 3;
  constexpr std::size_t blob_bytes = 65'536;
  std::vector<std::string> blobs;
  for (std::size_t i = 0; i < 100; ++i) blobs.push_back(bytes_of(seed + i, blob_bytes));
  const std::vector<data_location> known = store.run(store.db.put_many(buffers(blobs)));
  store.run(store.db.sync());
  std::size_t well = 0;
  for (std::size_t round = 0; round < 10; ++round) {
    make_all_cold(store.how.data_directory);
    std::vector<outcome<blob>> gets(known.size());
    for (std::size_t i = 0; i < gets.size(); ++i) store.db.get(known[i], gets[i].handler());
    store.context.restart();
    // Each has the kernel begin some reads, and ends with the loop still busy.
    for (std::size_t turns = 1; turns < 5; ++turns)
      std::thread([&] { store.context.poll_one(); }).join();
    store.context.stop();
    run_dry(store.context);
    for (std::size_t i = 0; i < gets.size(); ++i) {
      INFO(gets[i].error.message());
      REQUIRE(gets[i].well());
      if (gets[i].value().text() == blobs[i]) ++well;
    }
  }
  CHECK(well == 10 * known.size());
}

}  // namespace conduit::test
