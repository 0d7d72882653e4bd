// Locations and slices that nobody should have: every one is refused with an error, without short
// data and without much memory.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <fstream>
#include <limits>
#include <malloc.h>

#include "support/bytes.hpp"
#include "support/machine.hpp"
#include "support/sanitizers.hpp"

using namespace conduit;
using namespace conduit::test;

namespace {

constexpr std::uint64_t u64_max = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t i64_max = std::numeric_limits<std::int64_t>::max();

// Address space this process has ever had, in bytes.
std::uint64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == "VmPeak:" && status >> kib) return kib << 10;
  }
  return 0;
}

data_location at(std::uint64_t start, std::uint64_t end, std::uint32_t file = 0) {
  data_location where;
  where.file_number = file;
  where.start = start;
  where.end = end;
  return where;
}

// All ways of reading agree, and none hands out a byte.
std::error_code refusal(process& reader, const data_location& where, slice part = {}) {
  const auto one = reader->get(where, part);
  const auto two = reader->get_in_coroutine(where, part);
  std::string memory(64, 'x');
  const auto three = reader->get_into(where, part, asio::buffer(memory));
  CHECK(one.error);
  CHECK(one.value.empty());
  CHECK(two.error == one.error);
  CHECK(two.value.empty());
  CHECK(three.error);
  CHECK(three.value == 0);
  return one.error;
}

}  // namespace

TEST_CASE(
    "slices that reach past the blob, end before they start or lie near 2^64 are out of range") {
  machine host([](options& how) { how.direct_io = GENERATE(false, true); });
  process reader = host.start();
  REQUIRE(!reader->put(bytes_of(1, 100)).error);
  const auto blob = reader->put(bytes_of(2, 1000));
  REQUIRE(!reader->put(bytes_of(3, 100)).error);
  const bool sealed = GENERATE(false, true);
  if (sealed) REQUIRE(!reader->roll().error);
  const std::vector<slice> wrong{
      {0, 1001},           {1000, 1001},       {1001, 0},        {1001, 1001},
      {500, 499},          {1, u64_max - 1},   {0, u64_max - 1}, {u64_max, 0},
      {u64_max, 1},        {u64_max, u64_max}, {i64_max, 0},     {0, i64_max},
      {i64_max + 1, 1000}, {u64_max - 5, 10},  {1001},           {1, 0}};
  for (const slice& part : wrong) {
    INFO(part.start << ".." << part.end);
    CHECK(refusal(reader, blob.value, part) == errc::out_of_range);
  }
  CHECK(reader->get(blob.value, {1000, 1000}).value.empty());
  CHECK(!reader->get(blob.value, {1000}).error);
  CHECK(reader->get(blob.value, {999}).value == bytes_of(2, 1000).substr(999));
}

TEST_CASE("locations that no file can hold are out of range and take no memory") {
  // An arena of malloc's for each thread would be more address space than what is looked for.
  ::mallopt(M_ARENA_MAX, 1);
  machine host([](options& how) { how.direct_io = GENERATE(false, true); });
  process reader = host.start();
  REQUIRE(!reader->put(bytes_of(1, 5000)).error);
  const bool sealed = GENERATE(false, true);
  if (sealed) REQUIRE(!reader->roll().error);
  const std::vector<data_location> wrong{at(0, 5001),
                                         at(5000, 5001),
                                         at(5001, 5001),
                                         at(4999, 1ULL << 40),
                                         at(0, 1ULL << 36),
                                         at(0, i64_max),
                                         at(i64_max - 1, i64_max),
                                         at(i64_max, i64_max),
                                         at(i64_max - 4096, i64_max),
                                         at(i64_max - (70U << 10), i64_max),
                                         at(0, i64_max + 1),
                                         at(i64_max + 1, i64_max + 2),
                                         at(u64_max - 1, u64_max),
                                         at(u64_max, u64_max),
                                         at(0, u64_max),
                                         at(1, 0),
                                         at(u64_max, 0),
                                         at(5000, 4999)};
  const std::uint64_t before = peak_memory();
  REQUIRE(before > 0);
  for (const data_location& where : wrong) {
    INFO(where.start << ".." << where.end);
    CHECK(refusal(reader, where) == errc::out_of_range);
    // A slice of it that would fit is none the better for that.
    if (where.start > 5000 || where.end < where.start) CHECK(refusal(reader, where, {0, 1}));
  }
  // A sanitizer keeps freed memory for a while.
  CHECK(peak_memory() - before < ((sanitized ? 1024U : 256U) << 20));
}

TEST_CASE(
    "a slice inside the file of a location that reaches too far is served, since nothing is known "
    "of the blob") {
  machine host;
  process reader = host.start();
  REQUIRE(!reader->put(bytes_of(1, 5000)).error);
  CHECK(reader->get(at(0, 1ULL << 40), {10, 20}).value == bytes_of(1, 5000).substr(10, 10));
}

TEST_CASE("files that do not exist, up to the last number, are no such file") {
  machine host;
  process reader = host.start();
  for (const std::uint32_t number : {0U, 1U, 99999999U, 100000000U, 4294967295U}) {
    CHECK(refusal(reader, at(0, 10, number)) == errc::no_such_file);
    CHECK(refusal(reader, at(0, 0, number)) == errc::no_such_file);
    CHECK(reader->verify(number).error == errc::no_such_file);
    CHECK(reader->delete_file(number) == errc::no_such_file);
  }
}

TEST_CASE("no read moves a byte beyond the memory it was given") {
  machine host([](options& how) { how.direct_io = GENERATE(false, true); });
  process reader = host.start();
  const std::string bytes = bytes_of(1, 20000);
  const auto blob = reader->put(bytes);
  REQUIRE(!reader->roll().error);
  for (const slice& part : {slice{0, 1}, slice{4095, 4097}, slice{1, 8193}, slice{4096, 8192},
                            slice{19999, 20000}, slice{3, 19998}}) {
    const auto size = static_cast<std::size_t>(part.end - part.start);
    std::string memory(size + 2, '#');
    const auto moved = reader->get_into(blob.value, part, asio::buffer(memory.data() + 1, size));
    REQUIRE(moved.value == size);
    CHECK(memory == "#" + bytes.substr(part.start, size) + "#");
    CHECK(reader->get_into(blob.value, part, asio::buffer(memory.data() + 1, size - 1)).error ==
          errc::out_of_range);
  }
}
