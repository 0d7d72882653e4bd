// A full disk: rule 11 of the protocol on disk, where it is about everything but the append. Space
// can always be freed.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>

#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/machine.hpp"
#include "support/zstd_files.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

// Every write fails; a file of nothing can still be made. `of_record`: the record's write fails
// too, as where it has no place yet.
disk_script::rule full(int error, bool of_record = false) {
  return [error, of_record](const seen_call& call) -> std::optional<fault> {
    const bool writes = call.kind == io_call::write || call.kind == io_call::start_write;
    const bool is_data = call.file.starts_with("data_");
    if (!writes || (!is_data && !of_record)) return std::nullopt;
    return fault::with_error(error);
  };
}

// Three files, the last with a torn end; the location of a blob in that one.
data_location three_files_torn(const machine& host) {
  process writer = host.start();
  for (int number = 0; number < 2; ++number) {
    REQUIRE(!writer->put(bytes_of(1, 1000)).error);
    REQUIRE(!writer->roll().error);
  }
  const auto last = writer->put("in the last one");
  REQUIRE(!last.error);
  return last.value;
}

void tear(const machine& host, bool with_half_a_frame) {
  const std::string whole = read_file(zstd_path(host, 2));
  cut_table(zstd_path(host, 2));
  if (with_half_a_frame) append_to(zstd_path(host, 2), whole.substr(0, 7));
}

}  // namespace

TEST_CASE(
    "rule 11: files are deleted, synced and left on a full disk, though the last one ends torn and "
    "its table has no room") {
  const int error = GENERATE(ENOSPC, EDQUOT, EFBIG);
  const machine host = compressed_host();
  const data_location last = three_files_torn(host);
  tear(host, GENERATE(false, true));
  process next = host.start();
  next.script->set_rule(full(error));
  SECTION("files before a number") {
    const auto deleted = next->delete_before(2);
    CHECK(!deleted.error);
    CHECK(deleted.value == 2);
    CHECK(host.names() == std::vector<std::string>{"data_00000002.dat.zst"});
  }
  SECTION("one file") {
    CHECK(!next->delete_file(0));
    CHECK_FALSE(fs::exists(zstd_path(host, 0)));
  }
  SECTION("sync") { CHECK(!next->sync()); }
  SECTION("roll") { CHECK(next->roll().value == 3); }
  // Nobody was told that it was mended: it was not.
  CHECK(next->put("no room").error.value() == error);
  CHECK(next->get(last).value == "in the last one");
  next.script->set_rule({});
  const auto after = next->put("there is room again");
  REQUIRE(!after.error);
  CHECK(next->get(after.value).value == "there is room again");
  CHECK(next->get(last).value == "in the last one");
  CHECK(decompressed(zstd_path(host, after.value.file_number)).ends_with("there is room again"));
}

TEST_CASE(
    "rule 11: files are deleted on a full disk before the store has a record, which has no room") {
  machine host(
      [](options& how) { how.compression = GENERATE(compression::none, compression::zstd); });
  {
    process writer = host.start();
    REQUIRE(!writer->put("some bytes").error);
    REQUIRE(!writer->roll().error);
    REQUIRE(!writer->put("more bytes").error);
  }
  // As after originals, or after a restart of the machine.
  const bool rebooted = GENERATE(false, true);
  if (rebooted) host.reboot();
  if (!rebooted) fs::resize_file(host.lock_path(), 0);
  process next = host.start();
  next.script->set_rule(full(ENOSPC, true));
  const auto deleted = next->delete_before(1);
  CHECK(!deleted.error);
  CHECK(deleted.value == 1);
  CHECK(!next->sync());
  next.script->set_rule({});
  CHECK(next->put("goes on").value.file_number == 2);
}

TEST_CASE(
    "rule 11: where a full disk cannot overwrite the record either, what lies below a sealed file "
    "can be deleted") {
  machine host(
      [](options& how) { how.compression = GENERATE(compression::none, compression::zstd); });
  {
    process writer = host.start();
    for (int number = 0; number < 2; ++number) {
      REQUIRE(!writer->put("some bytes").error);
      REQUIRE(!writer->roll().error);
    }
    REQUIRE(!writer->put("some bytes").error);
  }
  process next = host.start();
  next.script->set_rule(full(ENOSPC, true));
  SECTION("files before a number") {
    const auto deleted = next->delete_before(1);
    CHECK(!deleted.error);
    CHECK(deleted.value == 1);
  }
  SECTION("one file") { CHECK(!next->delete_file(0)); }
  CHECK(host.names().size() == 2);
  next.script->set_rule({});
  CHECK(next->put("goes on").value.file_number == 2);
}

TEST_CASE("rule 11: a new file that the record has no room to name is taken back") {
  machine host(
      [](options& how) { how.compression = GENERATE(compression::none, compression::zstd); });
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  const int error = GENERATE(ENOSPC, EDQUOT, EFBIG, EIO);
  // The record has room to announce the file, but not to name it.
  writer.script->set_rule([error, left = 1](const seen_call& call) mutable -> std::optional<fault> {
    if (call.kind != io_call::write || call.file.starts_with("data_") || left-- > 0)
      return std::nullopt;
    return fault::with_error(error);
  });
  CHECK(writer->roll().error.value() == error);
  CHECK(host.names().size() == 1);
  writer.script->set_rule({});
  CHECK(writer->put("goes on").value.file_number == 0);
  CHECK(writer->roll().value == 1);
}

TEST_CASE(
    "rule 15: a sealed file whose entry could not be synced does not keep the numbers of those "
    "below it") {
  const machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  for (int failed = 0; failed < 2; ++failed) {
    writer.script->fail_next(io_call::sync_directory, fault::with_error(EIO));
    REQUIRE(writer->roll().error == std::errc::io_error);
  }
  REQUIRE(host.names().size() == 3);
  writer.script->set_rule(full(ENOSPC, true));
  CHECK(writer->delete_file(0) == std::errc::no_space_on_device);
  CHECK(host.names().size() == 3);
  writer.script->set_rule({});
  CHECK(!writer->delete_file(0));
  CHECK(writer->put("goes on").value.file_number == 3);
}

TEST_CASE("rule 11: a put behind a deletion that makes room does not fail with those before it") {
  const machine host([](options& how) {
    how.max_file_size = 5;
    how.compression = GENERATE(compression::none, compression::zstd);
  });
  std::atomic<bool> full_disk{true};  // a file that was left may be synced until the store ends
  process writer = host.start();
  for (int number = 0; number < 3; ++number) REQUIRE(!writer->put("some bytes").error);
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (!full_disk || !call.creates) return std::nullopt;
    return fault::with_error(ENOSPC);
  });
  writer.script->before(io_call::remove, [&](const seen_call&) { full_disk = false; });
  foreign_lock queueing(host.lock_path());
  auto before = writer->begin_put("no room");
  auto deletion = writer->begin_delete(0);
  auto behind = writer->begin_put("there is room");
  queueing.release();
  CHECK(writer->wait(before).error == std::errc::no_space_on_device);
  CHECK(!writer->wait(deletion).error);
  CHECK(!writer->wait(behind).error);
}

TEST_CASE(
    "rule 15: without room for its mark the directory is not synced while the last file's entry is "
    "not durable, and the deletion makes room first") {
  const machine host;
  {
    process writer = host.start();
    for (int number = 0; number < 2; ++number) {
      REQUIRE(!writer->put("some bytes").error);
      REQUIRE(!writer->roll().error);
    }
    REQUIRE(!writer->put("some bytes").error);
  }
  host.append_as_original(3, "by an original, which syncs nothing");
  process remover = host.start();
  remover.script->set_rule(full(ENOSPC, true));
  SECTION("and there is room") {
    remover.script->before(io_call::remove,
                           [&](const seen_call&) { remover.script->set_rule({}); });
    CHECK(!remover->delete_file(0));
    CHECK(remover.calls(io_call::sync_directory).size() == 1);
  }
  SECTION("and there is none") {
    CHECK(remover->delete_file(0) == std::errc::no_space_on_device);
    CHECK(remover.calls(io_call::sync_directory).empty());
  }
  CHECK(remover->delete_file(0) == errc::no_such_file);
  remover.script->set_rule({});
  CHECK(remover->put("goes on").value.file_number == 3);
}

TEST_CASE(
    "rule 15: on a full disk a poisoned last file does not keep those from being deleted that have "
    "a sealed one above them") {
  machine host([](options& how) { how.durability = durability::fdatasync; });
  process writer = host.start();
  for (int number = 0; number < 2; ++number) {
    REQUIRE(!writer->put("some bytes").error);
    REQUIRE(!writer->roll().error);
  }
  REQUIRE(!writer->put("some bytes").error);
  writer.script->fail_next(io_call::start_sync, fault::with_error(EIO), ".dat");
  REQUIRE(writer->put("lost").error);
  writer.script->set_rule([](const seen_call& call) -> std::optional<fault> {
    return call.creates ? std::optional(fault::with_error(ENOSPC)) : std::nullopt;
  });
  CHECK(!writer->delete_file(0));
  // The last of the sealed ones stays: its number tells which are used.
  CHECK(writer->delete_file(1).value() == ENOSPC);
  CHECK(host.names() == std::vector<std::string>{"data_00000001.dat", "data_00000002.dat"});
}
