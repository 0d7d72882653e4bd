// What goes in comes out: sizes, lists, slices, and bytes that somebody changed.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <limits>
#include <string>
#include <vector>

#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

constexpr auto u64_max = std::numeric_limits<std::uint64_t>::max();

}  // namespace

TEST_CASE("blobs of every kind of size come back whole and in part") {
  const std::size_t size =
      GENERATE(0U, 1U, 2U, 4095U, 4096U, 4097U, 65536U, 262144U, 262145U, 1U << 20, 5U << 20);
  CAPTURE(size);
  store_fixture store;
  store.put("something before");
  const std::string bytes = bytes_of(size, size);
  const data_location location = store.put(bytes);
  store.put("something behind");
  CHECK(location.size() == size);
  CHECK(location.checksum != 0);
  CHECK(store.get(location) == bytes);
  data_location unchecked = location;
  unchecked.checksum = 0;
  CHECK(store.get(unchecked) == bytes);

  const std::uint64_t third = size / 3;
  CHECK(store.run(store.db.get_slice(location, {third})).text() == bytes.substr(third));
  if (third != 0) {
    const std::string part(store.run(store.db.get_slice(location, {third, 2 * third})).text());
    CHECK(part == bytes.substr(third, third));
  }
  CHECK(store.error_of(store.db.get_slice(location, {0, size + 1})) == errc::out_of_range);
  CHECK(store.error_of(store.db.get_slice(location, {size + 1})) == errc::out_of_range);

  std::string into(size + 10, '#');
  CHECK(store.run(store.db.get_into(location, {}, asio::buffer(into))) == size);
  CHECK(into == bytes + std::string(10, '#'));
  store.reopen();
  CHECK(store.get(location) == bytes);
}

TEST_CASE("the same sizes are durable") {
  const std::size_t size = GENERATE(0U, 1U, 4097U, 5U << 20);
  store_fixture store([](options& how) { how.durability = durability::fdatasync; });
  const std::string bytes = bytes_of(size + 1, size);
  const data_location location = store.put(bytes);
  CHECK(store.get(location) == bytes);
  CHECK(store.get(store.put("the next")) == "the next");
}

TEST_CASE("put_many of nothing completes with no location") {
  store_fixture store;
  CHECK(store.run(store.db.put_many({})).empty());
  CHECK(store.get(store.put("the next")) == "the next");
}

TEST_CASE("put_many stores all blobs in order behind one another") {
  const std::size_t count = GENERATE(1U, 2U, 1023U, 1024U, 1025U, 3000U);
  const auto how_durable = GENERATE(durability::none, durability::fdatasync);
  store_fixture store([&](options& how) { how.durability = how_durable; });
  store.put("before");
  std::vector<std::string> blobs;
  for (std::size_t i = 0; i < count; ++i) blobs.push_back(bytes_of(i, (i * 37) % 300));
  const std::vector<data_location> locations = store.run(store.db.put_many(buffers(blobs)));
  REQUIRE(locations.size() == count);
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) REQUIRE(locations[i].start == locations[i - 1].end);
    REQUIRE(locations[i].file_number == locations[0].file_number);
    REQUIRE(store.get(locations[i]) == blobs[i]);
  }
}

TEST_CASE("put_many larger than the batch, the file and the pending bytes goes into one file") {
  store_fixture store([](options& how) {
    how.batch_bytes = 1000;
    how.pending_put_bytes = 1000;
    how.max_file_size = 1000;
  });
  std::vector<std::string> blobs;
  for (std::size_t i = 0; i < 40; ++i) blobs.push_back(bytes_of(i, 500));
  const std::vector<data_location> locations = store.run(store.db.put_many(buffers(blobs)));
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    REQUIRE(locations[i].file_number == locations[0].file_number);
    REQUIRE(store.get(locations[i]) == blobs[i]);
  }
  CHECK(store.put("the next").file_number == locations[0].file_number + 1);
}

TEST_CASE("a file is sealed before the first put behind its full size") {
  store_fixture store([](options& how) { how.max_file_size = 100; });
  const data_location first = store.put(std::string(99, 'a'));
  const data_location second = store.put(std::string(50, 'b'));
  const data_location third = store.put(std::string(1, 'c'));
  CHECK(second.file_number == first.file_number);
  CHECK(second.end == 149);
  CHECK(third.file_number == first.file_number + 1);
  CHECK(third.start == 0);
}

TEST_CASE("a changed byte makes the whole blob corrupt and no slice of it") {
  store_fixture store;
  const std::size_t size = GENERATE(1U, 3000U, 300'000U, 2U << 20);
  const std::string bytes = bytes_of(size, size);
  const data_location location = store.put(bytes);
  const std::uint64_t victim = size / 2;
  corrupt_byte(store.data_path(location.file_number), location.start + victim);
  std::string changed = bytes;
  changed[victim] = static_cast<char>(~changed[victim]);

  CHECK(store.error_of(store.db.get(location)) == errc::corrupt);
  CHECK(store.error_of(store.db.get_slice(location, {0, size})) ==
        errc::corrupt);  // the same by another name
  std::string into(size, '\0');
  CHECK(store.error_of(store.db.get_into(location, {}, asio::buffer(into))) == errc::corrupt);
  if (size > 1) {
    CHECK(store.run(store.db.get_slice(location, {0, size - 1})).text() ==
          changed.substr(0, size - 1));
    CHECK(store.run(store.db.get_slice(location, {victim, victim + 1})).text() ==
          changed.substr(victim, 1));
  }
  data_location unchecked = location;
  unchecked.checksum = 0;
  CHECK(store.get(unchecked) == changed);
  store.reopen([](options& how) { how.verify_checksums = false; });
  CHECK(store.get(location) == changed);
}

TEST_CASE("a wrong checksum in the location makes the blob corrupt, an empty one too") {
  store_fixture store;
  for (const std::string text : {"something", ""}) {
    data_location location = store.put(text);
    location.checksum ^= 2;
    CHECK(store.error_of(store.db.get(location)) == errc::corrupt);
  }
}

TEST_CASE("locations and slices that reach too far are out of range and never short") {
  store_fixture store;
  const data_location location = store.put(std::string(100, 'x'));
  const std::uint32_t file = location.file_number;
  const std::vector<data_location> too_far{
      {file, 0, 0, 101},
      {file, 0, 100, 101},
      {file, 0, 101, 102},
      {file, 0, 5000, 5000},
      {file, 0, 1ULL << 40, (1ULL << 40) + 10},
      {file, 0, 0, 1ULL << 62},
      {file, 0, (1ULL << 63) - 2, (1ULL << 63) - 1},
      {file, 0, (1ULL << 63) - 1, 1ULL << 63},
      {file, 0, u64_max - 1, u64_max},
      {file, 0, 10, 9},
      {file, 0, u64_max, 0},
  };
  for (const data_location& one : too_far) {
    CAPTURE(one.to_string());
    CHECK(store.error_of(store.db.get(one)) == errc::out_of_range);
  }
  const std::vector<slice> slices{
      {0, 101},     {100, 101},         {101, 0},       {101, 101}, {50, 49}, {0, u64_max - 1},
      {u64_max, 0}, {u64_max, u64_max}, {101, u64_max}, {99, 1},    {1, 0}};
  for (const slice& one : slices) {
    CAPTURE(one.start, one.end);
    CHECK(store.error_of(store.db.get_slice(location, one)) == errc::out_of_range);
    std::string into(200, '\0');
    CHECK(store.error_of(store.db.get_into(location, one, asio::buffer(into))) ==
          errc::out_of_range);
  }
  CHECK(store.run(store.db.get_slice(location, {100})).empty());
  CHECK(store.run(store.db.get_slice(location, {0, 0})).empty());
  CHECK(store.run(store.db.get_slice(location, {100, 100})).empty());
  CHECK(store.run(store.db.get_slice(location, {50, 50})).empty());
}

TEST_CASE("get_into needs room for the whole slice") {
  store_fixture store;
  const std::string bytes = bytes_of(1, 1000);
  const data_location location = store.put(bytes);
  std::string into(999, '#');
  CHECK(store.error_of(store.db.get_into(location, {}, asio::buffer(into))) == errc::out_of_range);
  CHECK(into == std::string(999, '#'));
  CHECK(store.run(store.db.get_into(location, {1, slice::to_end}, asio::buffer(into))) == 999);
  CHECK(into == bytes.substr(1));
  CHECK(store.run(store.db.get_into(location, {7, 7}, asio::mutable_buffer())) == 0);
}

TEST_CASE("a file that is gone or was never there is no such file") {
  store_fixture store;
  const data_location location = store.put("something");
  CHECK(store.error_of(store.db.get({location.file_number + 1, 0, 0, 1})) == errc::no_such_file);
  CHECK(store.error_of(store.db.get({std::numeric_limits<std::uint32_t>::max(), 0, 0, 1})) ==
        errc::no_such_file);
  CHECK(store.error_of(store.db.get({location.file_number + 1, 0, 0, 0})) == errc::no_such_file);
  store.roll();
  CHECK(store.get(location) == "something");
  store.run(store.db.delete_file(location.file_number));
  CHECK(store.error_of(store.db.get(location)) == errc::no_such_file);
}

TEST_CASE("two stores on one context keep their blobs apart") {
  store_fixture first;
  temporary_directory elsewhere;
  const flat_file_db second = flat_file_db::open(first.context, options_in(elsewhere));
  const data_location in_first = first.put("first");
  const data_location in_second = first.run(second.put(asio::buffer("other", 5)));
  CHECK(in_first.start == in_second.start);
  CHECK(first.get(in_first) == "first");
  CHECK(first.run(second.get(in_second)).text() == "other");
}

}  // namespace conduit::test
