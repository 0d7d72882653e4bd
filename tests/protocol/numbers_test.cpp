// Rule 3 of the protocol on disk: which number a new file gets.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include "support/bytes.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

TEST_CASE("rule 3: a number does not come back after its file was deleted") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  REQUIRE(writer->roll().value == 1);
  REQUIRE(writer->roll().value == 2);
  REQUIRE(!writer->delete_file(1));
  CHECK(writer->roll().value == 3);
  CHECK(host.start()->roll().value == 4);
}

TEST_CASE("rule 3: the record's highest number counts where the directory's is lower") {
  machine host;
  REQUIRE(!host.start()->put("some bytes").error);
  REQUIRE(host.start()->roll().value == 1);
  fs::remove(host.data_path(1));
  const auto next = host.start()->put("more bytes");
  REQUIRE(!next.error);
  CHECK(next.value.file_number == 2);
  CHECK_FALSE(fs::exists(host.data_path(1)));
}

TEST_CASE("rule 3: a mutable file that vanished under a running process is not begun again") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  REQUIRE(writer->roll().value == 1);
  REQUIRE(!writer->put("some bytes").error);
  fs::remove(host.data_path(1));
  const auto next = writer->put("more bytes");
  REQUIRE(!next.error);
  CHECK(next.value.file_number == 2);
  CHECK(writer->get(next.value).value == "more bytes");
}

TEST_CASE("rule 3: a new number lies above every name, whatever stands under it") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  fs::create_directory(host.data_path(7));
  CHECK(writer->put("more bytes").value.file_number == 0);
  CHECK(writer->roll().value == 8);
  write_file(host.how.data_directory / "data_00000011.dat.zst", "");
  CHECK(writer->roll().value == 12);
}

TEST_CASE("rule 3: where another process is quicker with the next number its file is left alone") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  const bool compressed = GENERATE(false, true);
  const fs::path stolen =
      compressed ? host.how.data_directory / "data_00000001.dat.zst" : host.data_path(1);
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    const bool last_moment = compressed ? call.kind == io_call::status_at : call.creates;
    if (last_moment && call.file == stolen.filename() && !fs::exists(stolen))
      write_file(stolen, "not ours");
    return std::nullopt;
  });
  CHECK(writer->roll().value == 2);
  const auto next = writer->put("more bytes");
  CHECK(next.value.file_number == 2);
  CHECK(read_file(stolen) == "not ours");
  CHECK(writer->get(next.value).value == "more bytes");
}

TEST_CASE("rule 3: a process that always finds its number taken gives up with an error") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  writer.script->fail_every(io_call::open, fault::with_error(EEXIST), ".dat");
  CHECK(writer->roll().error == std::errc::file_exists);
  writer.script->set_rule({});
  CHECK(writer->put("more bytes").value.file_number == 0);
}

TEST_CASE(
    "rule 3: the change counter is raised before a file is created and before one is removed") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  std::uint64_t known = host.record()->changes;
  std::size_t looked = 0;
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (!call.creates && call.kind != io_call::remove) return std::nullopt;
    const std::uint64_t now = host.record()->changes;
    if (now > known) ++looked;
    if (call.creates || call.file.ends_with(".zst")) known = now;
    return std::nullopt;
  });
  REQUIRE(!writer->roll().error);
  REQUIRE(!writer->delete_file(0));
  CHECK(looked == 3);  // one creation, two forms removed
}

TEST_CASE("rule 3: the creator records the new file with end 0 in the same tenure") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  bool created = false;
  std::optional<lock::lock_record> at_unlock;
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.creates) created = true;
    if (call.kind == io_call::unlock && created && !at_unlock) at_unlock = host.record();
    return std::nullopt;
  });
  REQUIRE(writer->roll().value == 1);
  REQUIRE(at_unlock);
  CHECK(at_unlock->highest == 1U);
  CHECK(at_unlock->mutable_file == 1);
  CHECK(at_unlock->end == 0);
}

TEST_CASE("rule 3: files that other processes begin are noticed at the next put") {
  machine host;
  process first = host.start();
  process second = host.start();
  for (std::uint32_t number = 0; number < 40; number += 2) {
    REQUIRE(first->put("some bytes").value.file_number == number);
    REQUIRE(second->roll().value == number + 1);
    REQUIRE(first->put("some bytes").value.file_number == number + 1);
    // An original leaves no word in the record.
    host.append_as_original(number + 2, "new file");
    const auto next = first->put("some bytes");
    REQUIRE(next.value.file_number == number + 2);
    REQUIRE(next.value.start == 8);
  }
}

TEST_CASE("rule 3: a deletion by another process is noticed at the next put") {
  machine host;
  process first = host.start();
  process second = host.start();
  for (std::uint32_t number = 0; number < 20; ++number) {
    REQUIRE(first->put("some bytes").value.file_number == number);
    REQUIRE(first->roll().value == number + 1);
    REQUIRE(!second->delete_file(number));
    REQUIRE(first->delete_file(number) == errc::no_such_file);
  }
}

TEST_CASE("rule 3: roll goes to the number it is given, and the last number is the end") {
  machine host;
  process writer = host.start();
  CHECK(writer->roll(70).value == 70);
  CHECK(writer->roll(3).value == 71);
  CHECK(writer->roll(4294967295U).value == 4294967295U);
  CHECK(writer->roll().error == std::errc::value_too_large);
  const auto last = writer->put("the last file still takes puts");
  REQUIRE(!last.error);
  CHECK(last.value.file_number == 4294967295U);
  CHECK(writer->get(last.value).value == "the last file still takes puts");
}
