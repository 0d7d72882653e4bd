// Rule 13 of the protocol on disk: how a sealed plain file becomes a compressed one.
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <filesystem>

#include "support/machine.hpp"
#include "support/sealed_file.hpp"
#include "support/zstd_files.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

std::size_t index_of(const process& one, io_call kind, std::string_view suffix = {}) {
  const auto found = one.calls(kind, suffix);
  REQUIRE_FALSE(found.empty());
  return found.back().index;
}

}  // namespace

TEST_CASE(
    "rule 13: a sealed plain file becomes a compressed one with the same bytes under the same "
    "locations") {
  const sealed_file at;
  process writer = at.host.start([](options& how) { how.frame_bytes = 16U << 10; });
  const auto done = writer->compress_file(0);
  REQUIRE_FALSE(done.error);
  CHECK(done.value.number == 0);
  CHECK(done.value.plain_bytes == at.content.size());
  CHECK(done.value.stored_bytes == fs::file_size(zstd_path(at.host, 0)));
  CHECK(done.value.ratio() > 1.5);
  CHECK(done.value.encode_us > 0);
  CHECK(at.host.names() == strings{compressed_name, "data_00000001.dat"});
  CHECK((decompressed(zstd_path(at.host, 0)) == at.content));
  CHECK(table_in(zstd_path(at.host, 0)).count() ==
        (at.content.size() + (16U << 10) - 1) / (16U << 10));
  CHECK(done.value.frames == table_in(zstd_path(at.host, 0)).count());
  at.check_blobs_through(writer);
  at.check_blobs();
}

TEST_CASE(
    "rule 13: the compressed file is durable before it has a name, and its name before the plain "
    "one goes") {
  const sealed_file at;
  process writer = at.host.start();
  writer.script->forget_calls();
  REQUIRE_FALSE(writer->compress_file(0).error);
  const std::size_t content_synced = index_of(writer, io_call::sync_data, ".");
  const std::size_t plain_synced = index_of(writer, io_call::sync_data, plain_name);
  const std::size_t announced = index_of(writer, io_call::link) - 1;
  const std::size_t linked = index_of(writer, io_call::link);
  const std::size_t name_synced = index_of(writer, io_call::sync_directory);
  const std::size_t removed = index_of(writer, io_call::remove, plain_name);
  const auto content_syncs = writer.calls(io_call::sync_data, ".");
  CHECK(content_syncs.front().index < plain_synced);
  CHECK(plain_synced < linked);
  // Once more with a name: there are file systems that persist nothing of a file without one.
  CHECK(linked < content_synced);
  CHECK(content_synced < name_synced);
  CHECK(name_synced < removed);
  // What stands right before the link is the record with a change counter that was raised.
  const auto calls = writer.script->calls();
  const auto before = std::find_if(calls.begin(), calls.end(),
                                   [&](const seen_call& one) { return one.index == announced; });
  CHECK(before->kind == io_call::write);
  CHECK(before->file.ends_with(".lock"));
}

TEST_CASE(
    "rule 13: a large file is written back and synced little by little, for the sake of durable "
    "puts beside it") {
  machine host;
  process writer = host.start();
  const std::string blob = bytes_of(3, 14U << 20);
  const data_location where = writer->put(blob).value;
  REQUIRE(writer->roll().value == 1);
  SECTION("and each part counts") {
    REQUIRE_FALSE(writer->compress_file(0).error);
    const auto synced = writer.calls(io_call::sync_data, ".");
    const std::size_t linked = index_of(writer, io_call::link);
    CHECK(std::count_if(synced.begin(), synced.end(),
                        [&](const auto& one) { return one.index < linked; }) == 4);
    const auto begun = writer.calls(io_call::begin_write_back, plain_name);
    REQUIRE(begun.size() >= 4);
    // The first sync was that of the roll.
    const auto plain_synced = writer.calls(io_call::sync_data, plain_name);
    REQUIRE(plain_synced.size() == 3);
    CHECK(begun.front().index > plain_synced[0].index);
    CHECK(begun.back().index < plain_synced[1].index);
    CHECK_FALSE(fs::exists(host.data_path(0)));
  }
  SECTION("and the plain file stays where one of them is lost") {
    writer.script->fail_next(io_call::sync_data, fault::with_error(EIO), ".");
    CHECK(writer->compress_file(0).error == std::errc::io_error);
    CHECK(writer.calls(io_call::sync_data, ".").size() == 1);
    CHECK(host.names() == strings{plain_name, "data_00000001.dat"});
  }
  SECTION("and an error of writing the plain one back is left to its sync") {
    writer.script->fail_every(io_call::begin_write_back, fault::with_error(EIO));
    REQUIRE_FALSE(writer->compress_file(0).error);
    CHECK_FALSE(fs::exists(host.data_path(0)));
  }
  CHECK((writer->get(where).value == blob));
}

TEST_CASE("rule 13: other processes list the directory again after a file was compressed") {
  const sealed_file at;
  process other = at.host.start();
  REQUIRE_FALSE(other->put("some bytes").error);
  const std::uint64_t changes = at.host.record()->changes;
  REQUIRE_FALSE(at.host.start()->compress_file(0).error);
  CHECK(at.host.record()->changes > changes);
  CHECK_FALSE(at.host.record()->syncing);
  REQUIRE_FALSE(other->delete_file(0));
  CHECK(at.host.names() == strings{"data_00000001.dat"});
}

TEST_CASE("rule 13: readers that have the plain file open read on, and its space comes back") {
  const sealed_file at;
  process reader = at.host.start();
  at.check_blobs_through(reader);
  REQUIRE_FALSE(at.host.start()->compress_file(0).error);
  at.check_blobs_through(reader);
}

TEST_CASE("rule 13: a plain file that cannot be synced stays") {
  const sealed_file at;
  process writer = at.host.start();
  writer.script->fail_next(io_call::sync_data, fault::with_error(EIO), plain_name);
  CHECK(writer->compress_file(0).error == std::errc::io_error);
  CHECK(at.host.names() == strings{plain_name, "data_00000001.dat"});
  at.check_blobs_through(writer);
}

TEST_CASE("rule 13: whatever fails on the way, the plain file stays and nothing else is left") {
  const sealed_file at;
  const auto [kind, suffix] =
      GENERATE(table<io_call, std::string>({{io_call::open, "."},
                                            {io_call::write, "."},
                                            {io_call::sync_data, "."},
                                            {io_call::link, ""},
                                            {io_call::copy_permissions, ""},
                                            {io_call::read, plain_name},
                                            {io_call::try_lock, plain_name}}));
  CAPTURE(name_of(kind), suffix);
  process writer = at.host.start();
  writer.script->fail_every(kind, fault::with_error(ENOSPC), suffix);
  CHECK(writer->compress_file(0).error == std::errc::no_space_on_device);
  CHECK(writer.script->hits() > 0);
  CHECK(at.host.names() == strings{plain_name, "data_00000001.dat"});
  CHECK((read_file(at.host.data_path(0)) == at.content));
  writer.script->set_rule({});
  // The mutable file is none the worse for it.
  CHECK(writer->put("some bytes").value.file_number == 1);
  REQUIRE_FALSE(writer->compress_file(0).error);
  at.check_blobs_through(writer);
}

TEST_CASE("rule 13: who could read the plain file can read the compressed one") {
  const sealed_file at;
  fs::permissions(at.host.data_path(0),
                  fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
  REQUIRE_FALSE(at.host.start()->compress_file(0).error);
  CHECK(fs::status(zstd_path(at.host, 0)).permissions() ==
        (fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read));
}

TEST_CASE(
    "rule 13: the space of a compressed file comes back although its writer has not synced it") {
  const sealed_file at;
  process writer = at.host.start();
  const data_location where = writer->put("unsynced").value;
  REQUIRE(where.file_number == 1);
  REQUIRE(writer->roll().value == 2);
  REQUIRE_FALSE(writer->compress_file(1).error);
  CHECK(writer->home().state->unsynced->all().empty());
  CHECK_FALSE(writer->sync());
  CHECK(writer->get(where).value == "unsynced");
}

TEST_CASE(
    "rule 13: a plain file that cannot be removed stays beside its compressed form, which serves "
    "and is finished later") {
  const sealed_file at;
  process writer = at.host.start();
  writer.script->fail_next(io_call::remove, fault::with_error(EIO));
  CHECK(writer->compress_file(0).error == std::errc::io_error);
  CHECK(at.host.names() == strings{plain_name, compressed_name, "data_00000001.dat"});
  at.check_blobs();
  REQUIRE_FALSE(writer->compress_file(0).error);
  CHECK(at.host.names().at(0) == compressed_name);
  at.check_blobs();
}

TEST_CASE(
    "rule 13: where the directory cannot be synced, nobody appends to the mutable file any more") {
  const sealed_file at;
  process writer = at.host.start();
  writer.script->fail_next(io_call::sync_directory, fault::with_error(EIO));
  CHECK(writer->compress_file(0).error == std::errc::io_error);
  CHECK(writer.events.count(event::kind::sync_failed) == 1);
  CHECK(at.host.record()->poisoned == 1U);
  // What is not durable has not kept its name.
  CHECK(at.host.names() == strings{plain_name, "data_00000001.dat"});
  CHECK(writer->put("some bytes").value.file_number == 2);
}

TEST_CASE(
    "rule 13: a file that grew while it was compressed is compressed anew, with what it has now") {
  const sealed_file at;
  process writer = at.host.start();
  const std::string more = "an original appends to a file that is not full";
  bool appended = false;
  // Between the last byte of the compressed file and the lock.
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.kind != io_call::sync_data || call.file != "." || appended) return std::nullopt;
    appended = true;
    append_to(at.host.data_path(0), more);
    return std::nullopt;
  });
  const auto done = writer->compress_file(0);
  REQUIRE_FALSE(done.error);
  REQUIRE(appended);
  CHECK(done.value.plain_bytes == at.content.size() + more.size());
  CHECK((decompressed(zstd_path(at.host, 0)) == at.content + more));
  CHECK(at.host.names() == strings{compressed_name, "data_00000001.dat"});
}

TEST_CASE("rule 13: a file that grows all the time is left plain, with an error") {
  const sealed_file at;
  process writer = at.host.start();
  std::size_t times = 0;
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.kind != io_call::sync_data || call.file != ".") return std::nullopt;
    append_to(at.host.data_path(0), "more");
    ++times;
    return std::nullopt;
  });
  CHECK(writer->compress_file(0).error == std::errc::text_file_busy);
  CHECK(read_file(at.host.data_path(0)).size() == at.content.size() + 4 * times);
  CHECK(at.host.names() == strings{plain_name, "data_00000001.dat"});
}

TEST_CASE("rule 13: a file that is deleted while it is compressed stays deleted") {
  const sealed_file at;
  process writer = at.host.start();
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.kind == io_call::sync_data && call.file == ".") fs::remove(at.host.data_path(0));
    return std::nullopt;
  });
  CHECK(writer->compress_file(0).error == errc::no_such_file);
  CHECK(at.host.names() == strings{"data_00000001.dat"});
}

TEST_CASE("rule 13: one process at a time compresses a file, and the next one finds it done") {
  const sealed_file at;
  process first = at.host.start();
  process second = at.host.start();
  blocking_store::pending<file_compression> waiting;
  first.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    const bool middle = call.kind == io_call::sync_data && call.file == "." && !waiting;
    if (middle) waiting = second->begin_compression(0);
    return std::nullopt;
  });
  REQUIRE_FALSE(first->compress_file(0).error);
  REQUIRE(waiting);
  const auto found = second->wait(waiting);
  REQUIRE_FALSE(found.error);
  CHECK(found.value.plain_bytes == at.content.size());
  CHECK(found.value.stored_bytes == fs::file_size(zstd_path(at.host, 0)));
  CHECK(found.value.encode_us == 0);
  CHECK(second.calls(io_call::link).empty());
}
