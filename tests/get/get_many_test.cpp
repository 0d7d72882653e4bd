// Many reads in one call.
#include <unistd.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/use_future.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/bytes.hpp"
#include "support/outcome.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

namespace {

enum class stored_as { plain, direct, frames };

stored_as any_form() { return GENERATE(stored_as::plain, stored_as::direct, stored_as::frames); }

// 100 blobs of 3,000 bytes in each of two sealed files, and 10 in the mutable one.
struct many_blobs {
  explicit many_blobs(stored_as form, const store_fixture::change& adjust = {})
      : store([form, &adjust](options& how) {
          how.compression = form == stored_as::frames ? compression::zstd : compression::none;
          how.direct_io = form == stored_as::direct;
          how.frame_bytes = 10'000;
          if (adjust) adjust(how);
        }) {
    for (const std::size_t count : {100U, 100U, 10U}) {
      if (!locations.empty()) store.roll();
      std::vector<std::string> part;
      for (std::size_t i = 0; i < count; ++i) part.push_back(bytes_of(locations.size() + i, 3'000));
      const auto stored = store.run(store.db.put_many(buffers(part)));
      locations.insert(locations.end(), stored.begin(), stored.end());
      blobs.insert(blobs.end(), part.begin(), part.end());
    }
  }

  read_request request(std::size_t index, slice part = {}) const {
    return {locations[index], part};
  }

  store_fixture store;
  std::vector<std::string> blobs;
  std::vector<data_location> locations;
};

}  // namespace

TEST_CASE("many reads give each request its bytes, in the order of the requests") {
  many_blobs all(any_form());
  std::mt19937_64 random(4);
  for (const std::size_t gap : {0U, 4'096U, 1'000'000U}) {
    std::vector<read_request> requests;
    std::vector<std::string> expected;
    for (int i = 0; i < 500; ++i) {
      const std::size_t index = random() % all.blobs.size();
      const std::uint64_t start = random() % 3'001;
      const std::uint64_t end = start + random() % (3'001 - start);
      const bool whole = random() % 3 == 0;
      requests.push_back(all.request(index, whole ? slice{} : slice{start, end}));
      expected.push_back(whole ? all.blobs[index] : all.blobs[index].substr(start, end - start));
    }
    const std::vector<read_result> found =
        all.store.run(all.store.db.get_many(requests, {.bridged_gap_bytes = gap}));
    REQUIRE(found.size() == requests.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      REQUIRE_FALSE(found[i].error);
      REQUIRE(found[i].data.text() == expected[i]);
    }
  }
}

TEST_CASE("neighbours are read together, and those behind a gap are not") {
  many_blobs all(stored_as::plain);
  const auto reads_for = [&](std::size_t gap) {
    std::vector<read_request> requests;
    // 500 bytes of every 3,000.
    for (std::size_t i = 0; i < 80; ++i) requests.push_back(all.request(i, {0, 500}));
    const std::uint64_t before = all.store.db.stats().gets;
    all.store.run(all.store.db.get_many(requests, {.bridged_gap_bytes = gap}));
    return all.store.db.stats().gets - before;
  };
  CHECK(reads_for(0) == 80);
  CHECK(reads_for(2'499) == 80);
  CHECK(reads_for(2'500) == 1);
}

TEST_CASE("requests of one frame are read together, whatever lies between them") {
  many_blobs all(stored_as::frames, [](options& how) { how.frame_cache_bytes = 0; });
  all.store.get(all.locations[0]);  // now the file is open, and its frames are known
  std::vector<read_request> requests;
  // Each frame gets two or three of them.
  for (std::size_t i = 0; i < 100; ++i) requests.push_back(all.request(i, {1'000, 1'010}));
  const store_stats before = all.store.db.stats();
  const auto found = all.store.run(all.store.db.get_many(requests, {.bridged_gap_bytes = 0}));
  for (std::size_t i = 0; i < 100; ++i)
    REQUIRE(found[i].data.text() == all.blobs[i].substr(1'000, 10));
  const store_stats after = all.store.db.stats();
  const verify_report file = all.store.run(all.store.db.verify(0));
  CHECK(file.frames < 50);
  CHECK(after.frames_decoded - before.frames_decoded == file.frames);
}

TEST_CASE("requests that overlap are not all read at once") {
  store_fixture store;
  const std::string bytes = bytes_of(1, 200'000);
  const data_location location = store.put(bytes);
  const std::vector<read_request> requests(50, {location, {0, 150'000}});
  const std::uint64_t before = store.db.stats().gets;
  for (const read_result& result : store.run(store.db.get_many(requests)))
    REQUIRE(result.data.text() == bytes.substr(0, 150'000));
  // Two of them would make the loop copy more than a run may have.
  CHECK(store.db.stats().gets - before == 50);
}

TEST_CASE("many reads of nothing give nothing, but not within the call") {
  many_blobs all(any_form());
  outcome<std::vector<read_result>> read;
  all.store.db.get_many({}, read.handler());
  CHECK_FALSE(read.called());
  run_dry(all.store.context);
  CHECK(read.well());
  CHECK(read.value().empty());
}

TEST_CASE("a request that fails does not fail its neighbours") {
  many_blobs all(any_form());
  const std::uint32_t last = all.locations.back().file_number;
  std::vector<read_request> requests;
  for (std::size_t i = 0; i < 20; ++i) requests.push_back(all.request(i));
  requests[3].part = {1, 3'001};                      // past its blob
  requests[5].location.file_number = 77;              // no such file
  requests[7].location.checksum ^= 1U;                // not what was stored
  requests[9].part = {5, 5};                          // empty
  requests[11].location = {last, 0, 29'000, 40'000};  // past its file
  requests[12].location = all.locations[209];         // whose neighbour that is
  const std::vector<read_result> found = all.store.run(all.store.db.get_many(requests));
  CHECK(found[3].error == errc::out_of_range);
  CHECK(found[5].error == errc::no_such_file);
  CHECK(found[7].error == errc::corrupt);
  CHECK(found[7].data.empty());
  CHECK(found[11].error == errc::out_of_range);
  for (std::size_t i = 0; i < 20; ++i) {
    if (i == 3 || i == 5 || i == 7 || i == 11) continue;
    INFO(i);
    CHECK_FALSE(found[i].error);
    CHECK(found[i].data.text() == (i == 9 ? "" : i == 12 ? all.blobs[209] : all.blobs[i]));
  }
}

TEST_CASE("a hundred thousand requests of files that are not there each get their error") {
  many_blobs all(stored_as::plain);
  std::vector<read_request> requests(100'000);
  for (std::size_t i = 0; i < requests.size(); ++i)
    requests[i].location = {static_cast<std::uint32_t>(100 + i % 7), 0, 10'000 * i, 10'000 * i + 5};
  const std::vector<read_result> found = all.store.run(all.store.db.get_many(requests));
  CHECK(std::all_of(found.begin(), found.end(),
                    [](const read_result& result) { return result.error == errc::no_such_file; }));
}

TEST_CASE("many reads of a closed store fail as one") {
  many_blobs all(any_form());
  all.store.run(all.store.db.close());
  CHECK(all.store.error_of(all.store.db.get_many({all.request(0)})) == errc::closed);
}

TEST_CASE("cancelled many reads end with that error, or as usual if the bytes came first") {
  many_blobs all(any_form());
  std::vector<read_request> requests;
  for (std::size_t i = 0; i < all.blobs.size(); ++i) requests.push_back(all.request(i));
  outcome<std::vector<read_result>> read;
  asio::cancellation_signal stop;
  all.store.db.get_many(requests, asio::bind_cancellation_slot(stop.slot(), read.handler()));
  stop.emit(asio::cancellation_type::terminal);
  CHECK_FALSE(read.called());
  run_dry(all.store.context);
  REQUIRE(read.called());
  if (read.error) {
    CHECK(read.error == asio::error::operation_aborted);
    CHECK(read.value().empty());
  } else {
    CHECK(read.value().size() == requests.size());
  }
}

TEST_CASE("a context may go while many reads are under way") {
  many_blobs all(any_form());
  std::vector<read_request> requests;
  for (std::size_t i = 0; i < all.blobs.size(); ++i) requests.push_back(all.request(i, {0, 100}));
  outcome<std::vector<read_result>> read;
  {
    asio::io_context context;
    const flat_file_db bound = all.store.db.bind(context);
    bound.get_many(requests, {.bridged_gap_bytes = 0}, read.handler());
    if (GENERATE(false, true)) context.poll_one();
  }
  CHECK(read.pending() == 0);
}

TEST_CASE("many reads on a context of several threads") {
  many_blobs all(any_form());
  std::vector<read_request> requests;
  for (std::size_t i = 0; i < all.blobs.size(); ++i) requests.push_back(all.request(i, {7, 2'900}));
  std::vector<outcome<std::vector<read_result>>> reads(20);
  for (auto& read : reads)
    all.store.db.get_many(requests, {.bridged_gap_bytes = 0}, read.handler());
  all.store.context.restart();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { all.store.context.run(); });
  for (std::thread& thread : threads) thread.join();
  for (auto& read : reads) {
    REQUIRE(read.well());
    for (std::size_t i = 0; i < requests.size(); ++i)
      REQUIRE(read.value()[i].data.text() == all.blobs[i].substr(7, 2'893));
  }
}

TEST_CASE("a pinned slice names the bytes of an open file, and keeps them") {
  many_blobs all(GENERATE(stored_as::plain, stored_as::direct));
  const data_location location = all.locations[42];
  pinned_slice pinned = all.store.run(all.store.db.pin(location, slice{10, 2'000}));
  const pinned_slice whole = all.store.run(all.store.db.pin(location));
  CHECK(whole.size() == 3'000);
  CHECK(whole.descriptor() == pinned.descriptor());
  CHECK(pinned.size() == 1'990);
  all.store.run(all.store.db.delete_file(location.file_number));
  const auto read = [](const pinned_slice& from) {
    std::string bytes(from.size(), '\0');
    REQUIRE(::pread(from.descriptor(), bytes.data(), bytes.size(),
                    static_cast<off_t>(from.offset())) == static_cast<ssize_t>(bytes.size()));
    return bytes;
  };
  CHECK(read(pinned) == all.blobs[42].substr(10, 1'990));
  CHECK(all.store.error_of(all.store.db.pin(location)) == errc::no_such_file);
  all.store.db = {};
  CHECK(read(whole) == all.blobs[42]);
  CHECK(pinned_slice().descriptor() == -1);
}

TEST_CASE("pins of a file that others open at the same time end well") {
  many_blobs all(stored_as::plain);
  const auto script = std::make_shared<disk_script>();
  script->set_rule([](const seen_call& call) -> std::optional<fault> {
    if (!call.cached_only) return std::nullopt;
    return fault::with_error(EAGAIN);  // the kernel would have to ask the disk
  });
  asio::io_context context;
  const store_on_disk store(context, all.store.how, scripted(script));
  std::vector<outcome<pinned_slice>> pins(20);
  for (auto& pin : pins) store.pin(all.locations[0], {0, 10}, pin.handler());
  run_dry(context);
  for (auto& pin : pins) {
    CHECK_FALSE(pin.error);
    CHECK(pin.value().size() == 10);
  }
}

TEST_CASE("many reads begun on a thread that does not run the context end once") {
  many_blobs all(stored_as::frames);
  const auto work = asio::make_work_guard(all.store.context);
  all.store.context.restart();
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back([&] { all.store.context.run(); });
  for (std::size_t round = 0; round < 1'000; ++round) {
    std::vector<read_request> requests;
    for (std::size_t i = 0; i < 4; ++i)
      requests.push_back(all.request((round + 29 * i) % 200, {1, 2'999}));
    auto found = all.store.db.get_many(requests, asio::use_future);
    for (const read_result& result : found.get()) REQUIRE(result.data.size() == 2'998);
  }
  all.store.context.stop();
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("what cannot be pinned is an error") {
  many_blobs frames(stored_as::frames);
  CHECK(frames.store.error_of(frames.store.db.pin(frames.locations[0])) == errc::wrong_form);
  many_blobs plain(stored_as::plain);
  const flat_file_db& db = plain.store.db;
  CHECK(plain.store.error_of(db.pin(plain.locations[0], slice{0, 3'001})) == errc::out_of_range);
  CHECK(plain.store.error_of(db.pin({0, 0, 0, 10'000'000})) == errc::out_of_range);
  CHECK(plain.store.error_of(db.pin({77, 0, 0, 1})) == errc::no_such_file);
}

}  // namespace conduit::test
