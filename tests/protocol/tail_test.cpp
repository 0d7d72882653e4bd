// Rules 4, 5, 9 and 16 of the protocol on disk: when the end of the mutable file may be trusted,
// and who else may write it.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

TEST_CASE("rule 4: a put goes on behind what an original appended") {
  machine host(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  process writer = host.start();
  for (std::uint64_t round = 0; round < 20; ++round) {
    const std::string ours = bytes_of(round, 100 + round);
    const std::string theirs = bytes_of(1000 + round, 300 - round);
    const auto one = writer->put(ours);
    REQUIRE(!one.error);
    const data_location other = host.append_as_original(0, theirs);
    REQUIRE(one.value.file_number == 0);
    REQUIRE(other.start == one.value.end);
    REQUIRE(writer->get(other).value == theirs);
    REQUIRE(writer->get(one.value).value == ours);
    const auto next = writer->put(ours);
    REQUIRE(next.value.start == other.end);
  }
  CHECK(host.names().size() == 1);
}

TEST_CASE("rule 4: a put goes on behind what another process of ours appended") {
  machine host;
  process first = host.start();
  process second = host.start();
  std::uint64_t end = 0;
  for (std::uint64_t round = 0; round < 40; ++round) {
    const auto here = (round % 2 == 0 ? first : second)->put(bytes_of(round, 64 + round));
    REQUIRE(!here.error);
    REQUIRE(here.value.start == end);
    end = here.value.end;
  }
  CHECK(host.size_of(0) == end);
}

TEST_CASE(
    "rule 4: a file with another inode under the same name is written instead of the one that was "
    "moved away") {
  machine host;
  process writer = host.start();
  const auto before = writer->put("some bytes");
  REQUIRE(!before.error);
  // As a restored copy would be put in place: same name, same size, another inode; the old one
  // lives on elsewhere.
  const fs::path moved = host.directory / "moved";
  fs::rename(host.data_path(0), moved);
  fs::copy_file(moved, host.data_path(0));
  const auto after = writer->put("more bytes");
  REQUIRE(!after.error);
  CHECK(read_file(moved) == "some bytes");
  process reader = host.start();
  CHECK(reader->get(before.value).value == "some bytes");
  CHECK(reader->get(after.value).value == "more bytes");
}

TEST_CASE("rule 4: a file that shrank under a running process is never appended to again") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put(bytes_of(1, 1000)).error);
  REQUIRE(!writer->put(bytes_of(2, 1000)).error);
  fs::resize_file(host.data_path(0), 1500);
  const auto next = writer->put("more bytes");
  REQUIRE(!next.error);
  CHECK(next.value.file_number == 1);
  CHECK(host.size_of(0) == 1500);
  CHECK(host.start()->put("more bytes").value.file_number == 1);
}

TEST_CASE("rule 5: a file shorter than the record says is never appended to again") {
  machine host([](options& how) { how.durability = durability::fdatasync; });
  REQUIRE(!host.start()->put(bytes_of(1, 1000)).error);
  REQUIRE(host.record()->end == 1000);
  fs::resize_file(host.data_path(0), 999);
  const auto next = host.start()->put("more bytes");
  REQUIRE(!next.error);
  CHECK(next.value.file_number == 1);
  CHECK(host.size_of(0) == 999);
}

TEST_CASE("rule 5: a file that shrank and grew again below the record's end stays in doubt") {
  machine host([](options& how) { how.durability = durability::fdatasync; });
  REQUIRE(!host.start()->put(bytes_of(1, 1000)).error);
  fs::resize_file(host.data_path(0), 100);
  host.append_as_original(0, bytes_of(2, 500));
  process writer = host.start();
  CHECK(writer->put("more bytes").value.file_number == 1);
  CHECK(host.size_of(0) == 600);
}

TEST_CASE("rule 5: a tail that a killed process left behind is waste that no location names") {
  machine host;
  const auto before = host.start()->put("some bytes");
  REQUIRE(!before.error);
  host.append_as_original(0, "never acknowledged");
  process writer = host.start();
  const auto after = writer->put("more bytes");
  REQUIRE(!after.error);
  CHECK(after.value.file_number == 0);
  CHECK(after.value.start == before.value.end + 18);
  CHECK(writer->get(before.value).value == "some bytes");
  CHECK(writer->get(after.value).value == "more bytes");
}

TEST_CASE("rule 5: an error while the tail is looked at stops the put and changes nothing") {
  machine host;
  REQUIRE(!host.start()->put("some bytes").error);
  process writer = host.start();
  const std::string record = read_file(host.lock_path());
  SECTION("the directory cannot be listed") {
    writer.script->fail_next(io_call::list, fault::with_error(EIO));
  }
  SECTION("the file cannot be opened") {
    writer.script->fail_next(io_call::open, fault::with_error(EMFILE), ".dat");
  }
  SECTION("the file's size cannot be had") {
    writer.script->fail_next(io_call::status, fault::with_error(EIO), ".dat");
  }
  CHECK(writer->put("more bytes").error);
  CHECK(writer.script->hits() == 1);
  CHECK(read_file(host.lock_path()) == record);
  CHECK(host.names().size() == 1);
  CHECK(lock_is_free(host.lock_path()));
  const auto next = writer->put("more bytes");
  CHECK(next.value.file_number == 0);
  CHECK(next.value.start == 10);
}

TEST_CASE("rule 9: what an original appends to a file that was sealed early can be read") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  REQUIRE(writer->roll().value == 1);
  REQUIRE(writer->put("in the next file").value.file_number == 1);
  const data_location late = host.append_as_original(0, bytes_of(7, 100000));
  CHECK(writer->get(late).value == bytes_of(7, 100000));
  CHECK(writer->get_in_coroutine(late, {50000, 50010}).value ==
        bytes_of(7, 100000).substr(50000, 10));
  CHECK(writer->put("more bytes").value.file_number == 1);
}

TEST_CASE(
    "rule 9: a file that was replaced under its name is opened anew where the old one is too "
    "short") {
  machine host;
  process reader = host.start();
  const auto first = reader->put("short");
  REQUIRE(reader->get(first.value).value == "short");
  REQUIRE(!reader->roll().error);
  const std::string longer = bytes_of(3, 5000);
  write_file(host.directory / "longer", longer);
  fs::rename(host.directory / "longer", host.data_path(0));
  data_location beyond;
  beyond.start = 1000;
  beyond.end = 3000;
  CHECK(reader->get(beyond).value == longer.substr(1000, 2000));
}

TEST_CASE("rule 16: a mutable file with a second hard link is left for the next one") {
  machine host(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  fs::create_hard_link(host.data_path(0), host.directory / "backup");
  const auto next = writer->put("more bytes");
  REQUIRE(!next.error);
  CHECK(next.value.file_number == 1);
  CHECK(read_file(host.directory / "backup") == "some bytes");
  CHECK(host.start()->put("more bytes").value.file_number == 1);
  CHECK(writer.events.count(event::kind::file_begun) == 2);
}
