// Rule 10 of the protocol on disk: what follows from a sync that failed, or that nobody saw the end
// of.
#include <algorithm>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/bytes.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace {

void durable(options& how) { how.durability = durability::fdatasync; }

bool syncs_data(const seen_call& call) {
  return call.kind == io_call::sync_data || call.kind == io_call::start_sync;
}

// The calls that sync this file, or write to it.
std::vector<seen_call> syncs_and_writes_of(const process& writer, std::string_view file) {
  std::vector<seen_call> found = writer.script->calls();
  std::erase_if(found, [&](const seen_call& call) {
    const bool writes = call.kind == io_call::write || call.kind == io_call::start_write;
    return call.file != file || (!writes && !syncs_data(call));
  });
  return found;
}

}  // namespace

TEST_CASE(
    "rule 10: the record is marked before the first byte of a durable batch, and the mark goes "
    "with the lock") {
  machine host(durable);
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  CHECK_FALSE(host.record()->syncing);
  const auto [size, way] = GENERATE(
      table<std::size_t, io_call>({{1000, io_call::write}, {1'500'000, io_call::start_write}}));
  std::vector<std::optional<std::uint32_t>> marks;
  writer.script->set_rule([&, write = way](const seen_call& call) -> std::optional<fault> {
    const bool of_data =
        call.file == "data_00000000.dat" && (call.kind == write || syncs_data(call));
    if (of_data || call.kind == io_call::unlock) marks.push_back(host.record()->syncing);
    return std::nullopt;
  });
  REQUIRE(!writer->put(bytes_of(1, size)).error);
  CHECK(marks == std::vector<std::optional<std::uint32_t>>{0U, 0U, std::nullopt});
}

TEST_CASE(
    "rule 10: sync marks the mutable file and not the lower ones, and covers all that this store "
    "wrote") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  REQUIRE(writer->roll().value == 1);
  REQUIRE(!writer->put("more bytes").error);
  std::vector<std::string> synced;
  std::vector<std::optional<std::uint32_t>> marks;
  bool directory = false;
  writer.script->forget_calls();
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (syncs_data(call)) synced.push_back(call.file);
    if (syncs_data(call)) marks.push_back(host.record()->syncing);
    if (call.kind == io_call::sync_directory) directory = true;
    return std::nullopt;
  });
  REQUIRE(!writer->sync());
  std::sort(synced.begin(), synced.end());
  CHECK(synced == std::vector<std::string>{"data_00000000.dat", "data_00000001.dat"});
  CHECK(marks == std::vector<std::optional<std::uint32_t>>{std::nullopt, 1U});
  CHECK(directory);
  CHECK_FALSE(host.record()->syncing);
  // What is durable is not synced again.
  synced.clear();
  REQUIRE(!writer->sync());
  CHECK(synced.empty());
}

TEST_CASE("rule 10: a mark that a dead holder left poisons the file") {
  machine host(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  REQUIRE(!host.start()->put("some bytes").error);
  host.change_record([](lock::lock_record& record) { record.syncing = 0; });
  process next = host.start();
  const bool job_first = GENERATE(false, true);
  if (job_first) {
    // Whatever the new holder does, the mark becomes a poisoned number.
    CHECK(next->delete_file(17) == errc::no_such_file);
    CHECK(host.record()->poisoned == 0U);
    CHECK_FALSE(host.record()->syncing);
  }
  CHECK(next->put("more bytes").value.file_number == 1);
  CHECK(host.record()->poisoned == 0U);
  CHECK_FALSE(host.record()->syncing);
  CHECK(host.size_of(0) == 10);
  CHECK(host.start()->put("more bytes").value.file_number == 1);
}

TEST_CASE("rule 10: a mark of another process is found by a process that held the lock before") {
  machine host;
  process first = host.start();
  REQUIRE(!first->put("some bytes").error);
  host.change_record([](lock::lock_record& record) { record.syncing = 0; });
  CHECK(first->put("more bytes").value.file_number == 1);
  CHECK(host.record()->poisoned == 0U);
}

TEST_CASE(
    "rule 10: a failed fdatasync fails the whole batch, cuts nothing, and the file is never "
    "written or synced again") {
  machine host(durable);
  process writer = host.start();
  const auto before = writer->put("durable before");
  REQUIRE(!before.error);
  writer.script->forget_calls();
  writer.script->fail_next(io_call::start_sync, fault::with_error(EIO), ".dat");
  const std::vector<std::string> blobs{bytes_of(1, 100), bytes_of(2, 2000), bytes_of(3, 300000)};
  auto one = writer->begin_put(blobs[0]);
  auto two = writer->begin_put(blobs[1]);
  auto three = writer->begin_put(blobs[2]);
  CHECK(writer->wait(one).error == std::errc::io_error);
  CHECK(writer->wait(two).error == std::errc::io_error);
  CHECK(writer->wait(three).error == std::errc::io_error);
  CHECK(writer.script->hits() == 1);
  CHECK(host.size_of(0) == 14 + 100 + 2000 + 300000);
  CHECK(host.record()->poisoned == 0U);
  CHECK(writer.events.count(event::kind::sync_failed) == 1);
  const auto done = syncs_and_writes_of(writer, "data_00000000.dat").size();

  const auto next = writer->put("more bytes");
  REQUIRE(!next.error);
  CHECK(next.value.file_number == 1);
  CHECK(writer->sync() == errc::poisoned);
  CHECK(writer->sync() == errc::poisoned);
  CHECK(syncs_and_writes_of(writer, "data_00000000.dat").size() == done);
  CHECK(host.start()->put("more bytes").value.file_number == 1);
  CHECK(writer->get(before.value).value == "durable before");
}

TEST_CASE(
    "rule 10: puts of a batch that were acknowledged before stay, those of the failed one have no "
    "location") {
  machine host(durable);
  process writer = host.start();
  writer.script->fail_every(io_call::start_sync, fault::with_error(EIO), "data_00000000.dat");
  const auto failed = writer->put_many({"one", "two", "three"});
  CHECK(failed.error == std::errc::io_error);
  CHECK(failed.value.empty());
  const auto single = writer->put("four");
  REQUIRE(!single.error);
  writer.script->fail_every(io_call::start_sync, fault::with_error(EIO), "data_00000001.dat");
  const auto refused = writer->put("five");
  CHECK(refused.error == std::errc::io_error);
  CHECK(refused.value == data_location{});
}

TEST_CASE("rule 10: until the next file can be begun nobody appends, and every put tries again") {
  machine host(durable);
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  writer.script->fail_next(io_call::start_sync, fault::with_error(EIO), ".dat");
  REQUIRE(writer->put("lost").error);
  const std::uint64_t size = host.size_of(0);
  writer.script->fail_every(io_call::open, fault::with_error(EMFILE), ".dat");
  for (int attempt = 0; attempt < 3; ++attempt)
    CHECK(writer->put("refused").error.value() == EMFILE);
  CHECK(writer.script->hits() == 4);
  CHECK(host.size_of(0) == size);
  CHECK(host.names().size() == 1);
  writer.script->set_rule({});
  CHECK(writer->put("more bytes").value.file_number == 1);
}

TEST_CASE("rule 10: another process does not append to a file whose sync failed here") {
  machine host(durable);
  process first = host.start();
  process second = host.start();
  REQUIRE(!first->put("some bytes").error);
  REQUIRE(second->put("some bytes").value.file_number == 0);
  first.script->fail_next(io_call::start_sync, fault::with_error(EIO), ".dat");
  REQUIRE(first->put("lost").error);
  CHECK(second->put("more bytes").value.file_number == 1);
  // The other one lost nothing that it knows of.
  CHECK(!second->sync());
}

TEST_CASE("rule 10: the file is left even where the record cannot say so") {
  machine host(durable);
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  writer.script->set_rule([failed = false](const seen_call& call) mutable -> std::optional<fault> {
    const bool of_record = failed && call.kind == io_call::write && call.file.ends_with(".lock");
    const bool of_data = !failed && call.kind == io_call::start_sync;
    failed = failed || of_data;
    if (!of_record && !of_data) return std::nullopt;
    return fault::with_error(EIO);
  });
  REQUIRE(writer->put("lost").error);
  writer.script->set_rule({});
  CHECK(host.record()->syncing == 0U);
  const bool by_another = GENERATE(false, true);
  if (by_another) {
    CHECK(host.start()->put("more bytes").value.file_number == 1);
  } else {
    CHECK(writer->put("more bytes").value.file_number == 1);
  }
  CHECK(host.record()->poisoned == 0U);
}

TEST_CASE("rule 10: a durable put that cannot set the mark writes nothing") {
  machine host(durable);
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  writer.script->fail_next(io_call::write, fault::with_error(ENOSPC), ".lock");
  CHECK(writer->put("more bytes").error.value() == ENOSPC);
  CHECK(host.size_of(0) == 10);
  CHECK(writer->put("more bytes").value.file_number == 0);
}

TEST_CASE(
    "rule 10: a failed sync of the mutable file is reported, poisons it, and no later sync "
    "succeeds") {
  machine host;
  process writer = host.start();
  const auto before = writer->put("some bytes");
  REQUIRE(!before.error);
  writer.script->fail_next(io_call::sync_data, fault::with_error(EIO), ".dat");
  CHECK(writer->sync() == std::errc::io_error);
  CHECK(host.record()->poisoned == 0U);
  writer.script->forget_calls();
  CHECK(writer->sync() == errc::poisoned);
  CHECK(writer->put("more bytes").value.file_number == 1);
  CHECK(writer->sync() == errc::poisoned);
  CHECK(writer.calls(io_call::sync_data, "data_00000000.dat").empty());
  CHECK(writer->get(before.value).value == "some bytes");
}

TEST_CASE("rule 10: a failed sync of a sealed file is reported, and no later sync succeeds") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  REQUIRE(writer->roll().value == 1);
  REQUIRE(!writer->put("some bytes").error);
  writer.script->fail_every(io_call::sync_data, fault::with_error(EIO), "data_00000000.dat");
  CHECK(writer->sync());
  writer.script->set_rule({});
  CHECK(writer->sync() == errc::poisoned);
  CHECK(writer->put("more bytes").value.file_number == 1);
  CHECK(writer->sync() == errc::poisoned);
}

TEST_CASE("rule 10: a sync whose directory cannot be synced is a failed sync") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  writer.script->fail_next(io_call::sync_directory, fault::with_error(EIO));
  CHECK(writer->sync() == std::errc::io_error);
  CHECK(writer->sync() == errc::poisoned);
}

TEST_CASE("rule 10: after a put or a deletion that could not sync the directory no sync succeeds") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  REQUIRE(!writer->roll().error);
  writer.script->fail_next(io_call::sync_directory, fault::with_error(EIO));
  if (GENERATE(false, true)) {
    CHECK(writer->roll().error == std::errc::io_error);
  } else {
    CHECK(writer->delete_file(0) == std::errc::io_error);
  }
  CHECK(writer->sync() == errc::poisoned);
}

TEST_CASE("rule 10: a store without files whose sync failed begins above the poisoned number") {
  machine host;
  process writer = host.start();
  writer.script->set_rule([](const seen_call& call) -> std::optional<fault> {
    if (call.kind == io_call::sync_directory) return fault::with_error(EIO);
    return std::nullopt;
  });
  REQUIRE(writer->sync() == std::errc::io_error);
  // The record learns of it from the next holder.
  CHECK(writer->put("refused").error == std::errc::io_error);
  REQUIRE(host.record()->poisoned);
  process other = host.start();
  const auto where = other->put("some bytes");
  REQUIRE(!where.error);
  CHECK(where.value.file_number > *host.record()->poisoned);
  CHECK(other->put("more bytes").value.file_number == where.value.file_number);
}

TEST_CASE(
    "rule 10: the file whose first sync failed is not used, where it cannot be removed either") {
  machine host;
  process writer = host.start();
  writer.script->set_rule([failed = false](const seen_call& call) mutable -> std::optional<fault> {
    const bool first_sync = call.kind == io_call::sync_data && !std::exchange(failed, true);
    return first_sync || call.kind == io_call::remove ? std::optional(fault::with_error(EIO))
                                                      : std::nullopt;
  });
  CHECK(writer->put("some bytes").error == std::errc::io_error);
  const auto next = writer->put("some bytes");
  REQUIRE(!next.error);
  CHECK(next.value.file_number == 1);
}

TEST_CASE("rule 10: first puts that fail before their file is durable leave none behind") {
  machine host;
  process writer = host.start();
  const io_call failing = GENERATE(io_call::sync_parent, io_call::sync_data);
  writer.script->fail_every(failing, fault::with_error(EIO));
  for (int attempt = 0; attempt < 3; ++attempt) {
    CHECK(writer->put("refused").error == std::errc::io_error);
    CHECK(host.names().empty());
  }
  CHECK(writer.script->hits() == 3);
  writer.script->set_rule({});
  CHECK(!writer->put("some bytes").error);
  CHECK(host.names().size() == 1);
}

TEST_CASE("rule 13: a file that was left and failed to sync is compressed by nobody in this boot") {
  machine host;
  process writer = host.start();
  process other = host.start();
  const auto before = writer->put("some bytes");
  REQUIRE(!before.error);
  REQUIRE(writer->roll().value == 1);
  REQUIRE(!writer->put("more bytes").error);
  writer.script->fail_next(io_call::sync_data, fault::with_error(EIO), "data_00000000.dat");
  SECTION("as sync found out") { REQUIRE(writer->sync() == std::errc::io_error); }
  SECTION("as its compression found out") {
    REQUIRE(writer->compress_file(0).error == std::errc::io_error);
  }
  CHECK(writer.script->hits() == 1);
  CHECK(writer->compress_file(0).error == errc::poisoned);
  CHECK(host.record()->poisoned == 0U);
  CHECK(other->compress_file(0).error == errc::poisoned);
  CHECK(host.start()->compress_file(0).error == errc::poisoned);
  CHECK(host.names() == std::vector<std::string>{"data_00000000.dat", "data_00000001.dat"});
  CHECK(writer->get(before.value).value == "some bytes");
  // The file above it has lost nothing.
  CHECK(writer->put("goes on").value.file_number == 1);
}

TEST_CASE("rule 10: nobody uses a file whose entry a dead process failed to sync") {
  machine host(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  REQUIRE(!host.start()->put("some bytes").error);
  const bool as_creator = GENERATE(false, true);
  {
    process writer = host.start();
    writer.script->set_rule([dead = false](const seen_call& call) mutable -> std::optional<fault> {
      if (call.kind == io_call::sync_directory) dead = true;  // it fails, and nobody learns of it
      if (!dead) return std::nullopt;
      return fault::with_error(EIO);
    });
    CHECK((as_creator ? writer->roll().error : writer->put("lost").error));
  }
  const std::uint32_t lost = as_creator ? 1 : 0;
  CHECK(host.record()->syncing == lost);
  CHECK(host.start()->put("more bytes").value.file_number == lost + 1);
}

TEST_CASE("rule 10: the poisoned number is only ever raised") {
  machine host(durable);
  process writer = host.start();
  for (std::uint32_t number = 0; number < 4; ++number) {
    REQUIRE(writer->put("some bytes").value.file_number == number);
    writer.script->fail_next(io_call::start_sync, fault::with_error(EIO), ".dat");
    REQUIRE(writer->put("lost").error);
    CHECK(host.record()->poisoned == number);
  }
  REQUIRE(writer->put("some bytes").value.file_number == 4);
  CHECK(host.record()->poisoned == 3U);
  process other = host.start();
  REQUIRE(other->put("some bytes").value.file_number == 4);
  CHECK(host.record()->poisoned == 3U);
}
