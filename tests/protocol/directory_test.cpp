// Rules 7 and 15 of the protocol on disk: when the directory is synced, and how a file is removed.
#include <algorithm>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <filesystem>
#include <thread>

#include "support/bytes.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace {

machine host_with_any_durability() {
  const durability wanted = GENERATE(durability::none, durability::fdatasync);
  return machine([wanted](options& how) { how.durability = wanted; });
}

// Syncs of the directory after the last call that `last` picks.
template <typename Predicate>
std::size_t directory_syncs_after(const process& writer, Predicate last) {
  const auto calls = writer.script->calls();
  const auto from = std::find_if(calls.rbegin(), calls.rend(), last).base();
  return static_cast<std::size_t>(std::count_if(from, calls.end(), [](const seen_call& call) {
    return call.kind == io_call::sync_directory;
  }));
}

}  // namespace

TEST_CASE(
    "rule 7: the directory is synced before the first acknowledgement in a new file, and once") {
  machine host = host_with_any_durability();
  process writer = host.start();
  for (std::uint32_t number = 0; number < 3; ++number) {
    REQUIRE(writer->put("some bytes").value.file_number == number);
    CHECK(directory_syncs_after(writer, [](const seen_call& call) {
            return call.creates && call.file.ends_with(".dat");
          }) >= 1);
    writer.script->forget_calls();
    REQUIRE(!writer->put("more bytes").error);
    CHECK(writer.calls(io_call::sync_directory).empty());
    REQUIRE(!writer->roll().error);
  }
}

TEST_CASE(
    "rule 7: the store's own entry is durable before the record speaks for this boot, whoever made "
    "the directory") {
  machine host = host_with_any_durability();
  // Its maker died before it could sync the entry.
  std::filesystem::create_directory(host.how.data_directory);
  process writer = host.start();
  writer.script->fail_next(io_call::sync_parent, fault::with_error(EIO));
  CHECK(writer->put("some bytes").error.value() == EIO);
  const auto record = host.record();
  CHECK((!record || record->boot != host.boot()));
  REQUIRE(!writer->put("some bytes").error);
  CHECK(host.record()->boot == host.boot());
  CHECK(writer.calls(io_call::sync_parent).size() == 2);
  REQUIRE(!writer->roll().error);
  REQUIRE(!writer->put("some bytes").error);
  CHECK(writer.calls(io_call::sync_parent).size() == 2);
}

TEST_CASE(
    "rule 7: the directory is synced by each process before its first acknowledgement, whoever "
    "created the file") {
  machine host = host_with_any_durability();
  REQUIRE(!host.start()->put("some bytes").error);
  process other = host.start();
  REQUIRE(other->put("more bytes").value.file_number == 0);
  CHECK(other.calls(io_call::sync_directory).size() == 1);
  REQUIRE(!other->put("more bytes").error);
  CHECK(other.calls(io_call::sync_directory).size() == 1);
  host.append_as_original(1, "an original begins the next file");
  REQUIRE(other->put("more bytes").value.file_number == 1);
  CHECK(other.calls(io_call::sync_directory).size() == 2);
}

TEST_CASE(
    "rule 7: where the directory cannot be synced nothing is acknowledged in that file, also "
    "later") {
  machine host = host_with_any_durability();
  const bool created_by_another = GENERATE(false, true);
  if (created_by_another) REQUIRE(!host.start()->put("some bytes").error);
  process writer = host.start();
  writer.script->fail_next(io_call::sync_directory, fault::with_error(EIO));
  CHECK(writer->put("more bytes").error == std::errc::io_error);
  // A second sync may answer 0 although the entry is lost.
  const auto next = writer->put("more bytes");
  REQUIRE(!next.error);
  CHECK(next.value.file_number == 1);
}

TEST_CASE("rule 15: a deletion syncs the directory, unlinks both forms, and syncs it again") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  REQUIRE(!writer->roll().error);
  write_file(host.how.data_directory / "data_00000000.dat.zst", "");
  writer.script->forget_calls();
  REQUIRE(!writer->delete_file(0));
  std::vector<std::string> steps;
  for (const seen_call& call : writer.script->calls()) {
    if (call.kind == io_call::sync_directory) steps.emplace_back("sync");
    if (call.kind == io_call::remove) steps.push_back(call.file);
  }
  CHECK(steps ==
        std::vector<std::string>{"sync", "data_00000000.dat", "data_00000000.dat.zst", "sync"});
  CHECK(host.names() == std::vector<std::string>{"data_00000001.dat"});
}

TEST_CASE("rule 15: nothing is unlinked where the directory cannot be synced first") {
  machine host;
  process writer = host.start();
  const auto blob = writer->put("some bytes");
  REQUIRE(!writer->roll().error);
  writer.script->fail_next(io_call::sync_directory, fault::with_error(EIO));
  CHECK(writer->delete_file(0) == std::errc::io_error);
  CHECK(writer.calls(io_call::remove).empty());
  CHECK(writer->get(blob.value).value == "some bytes");
  CHECK(!writer->delete_file(0));
  CHECK(writer->get(blob.value).error == errc::no_such_file);
}

TEST_CASE(
    "rule 15: a deletion whose last sync fails is an error, and the file is gone all the same") {
  machine host;
  process writer = host.start();
  const auto blob = writer->put("some bytes");
  REQUIRE(!writer->roll().error);
  writer.script->set_rule([removed = false](const seen_call& call) mutable -> std::optional<fault> {
    if (call.kind == io_call::remove) removed = true;
    if (call.kind != io_call::sync_directory || !removed) return std::nullopt;
    return fault::with_error(EIO);
  });
  CHECK(writer->delete_file(0) == std::errc::io_error);
  writer.script->set_rule({});
  CHECK(writer->delete_file(0) == errc::no_such_file);
  CHECK(host.start()->get(blob.value).error == errc::no_such_file);
  CHECK(writer->put("more bytes").value.file_number == 1);
}

TEST_CASE("rule 15: the mutable file is never deleted") {
  machine host;
  process writer = host.start();
  CHECK(writer->delete_file(0) == errc::no_such_file);
  REQUIRE(!writer->put("some bytes").error);
  CHECK(writer->delete_file(0) == errc::mutable_file);
  CHECK(writer->delete_before(5).value == 0);
  CHECK(writer.calls(io_call::remove).empty());
  // Another process sealed it meanwhile, and it may go.
  REQUIRE(!host.start()->roll().error);
  CHECK(writer->delete_before(5).value == 1);
}

TEST_CASE("rule 15: a file deleted by another process is not served for longer than a second") {
  machine host;
  process reader = host.start();
  const auto blob = reader->put("some bytes");
  REQUIRE(reader->get(blob.value).value == "some bytes");
  REQUIRE(!reader->roll().error);
  REQUIRE(!host.start()->delete_file(0));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::error_code error;
  while (!error && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
    error = reader->get(blob.value).error;
  }
  CHECK(error == errc::no_such_file);
}

TEST_CASE(
    "rule 15: a number's descriptor dies with its file, although the inode comes back at once") {
  machine host;
  process writer = host.start();
  for (std::uint32_t number = 0; number < 30; ++number) {
    const std::string bytes = bytes_of(number, 5000);
    const auto blob = writer->put(bytes);
    REQUIRE(writer->get(blob.value).value == bytes);
    REQUIRE(writer->roll().value == number + 1);
    REQUIRE(!writer->delete_file(number));
    REQUIRE(writer->get(blob.value).error == errc::no_such_file);
  }
}
