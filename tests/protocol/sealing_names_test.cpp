// Rule 13 of the protocol on disk: the names that a file has while it is compressed, and what else
// may stand there.

#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <filesystem>

#include "support/foreign_lock.hpp"
#include "support/machine.hpp"
#include "support/sealed_file.hpp"
#include "support/zstd_files.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

TEST_CASE(
    "rule 13: without files that have no name, the compressed one is written beside the store, and "
    "nothing is left there") {
  const sealed_file at;
  const fs::path sibling = at.host.how.data_directory.string() + ".tmp";
  const int refusal = GENERATE(EOPNOTSUPP, EISDIR);
  process writer = at.host.start();
  bool seen = false;
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.kind == io_call::link) seen = fs::exists(sibling / spool_name);
    if (call.kind == io_call::open && call.file == ".") return fault::with_error(refusal);
    return std::nullopt;
  });
  REQUIRE_FALSE(writer->compress_file(0).error);
  CHECK(seen);
  CHECK_FALSE(fs::exists(sibling));
  CHECK(at.host.names() == strings{compressed_name, "data_00000001.dat"});
  CHECK(fs::hard_link_count(zstd_path(at.host, 0)) == 1);
  at.check_blobs();
}

TEST_CASE(
    "rule 13: what a killed process left beside the store is removed by the next opener, but "
    "nothing that somebody still writes") {
  const sealed_file at;
  const fs::path sibling = at.host.how.data_directory.string() + ".tmp";
  fs::create_directory(sibling);
  write_file(sibling / "sealing_3", "left by a killed process");
  write_file(sibling / "sealing_4", "being written");
  write_file(sibling / "notes.txt", "not ours");
  foreign_lock living(sibling / "sealing_4");
  at.host.start();
  CHECK_FALSE(fs::exists(sibling / "sealing_3"));
  CHECK(read_file(sibling / "sealing_4") == "being written");
  CHECK(read_file(sibling / "notes.txt") == "not ours");
  living.release();
  fs::remove(sibling / "notes.txt");
  at.host.start([](options& how) { how.read_only = true; });
  CHECK(fs::exists(sibling));
  at.host.start();
  CHECK_FALSE(fs::exists(sibling));
}

TEST_CASE("rule 13: a store that happens to stand in the sibling directory is left alone") {
  const sealed_file at;
  const fs::path sibling = at.host.how.data_directory.string() + ".tmp";
  fs::copy(at.host.how.data_directory, sibling);
  process writer = at.host.start();
  writer.script->fail_every(io_call::open, fault::with_error(EOPNOTSUPP), ".");
  REQUIRE_FALSE(writer->compress_file(0).error);
  CHECK((read_file(sibling / plain_name) == at.content));
  CHECK(fs::exists(sibling / "data_00000001.dat"));
  CHECK_FALSE(fs::exists(sibling / spool_name));
}

TEST_CASE("rule 13: what a killed process left under the very name is in nobody's way") {
  const sealed_file at;
  const fs::path sibling = at.host.how.data_directory.string() + ".tmp";
  process writer = at.host.start();
  fs::create_directory(sibling);
  write_file(sibling / spool_name, "left by a killed process");
  writer.script->fail_every(io_call::open, fault::with_error(EOPNOTSUPP), ".");
  REQUIRE_FALSE(writer->compress_file(0).error);
  CHECK_FALSE(fs::exists(sibling));
  at.check_blobs();
}

TEST_CASE("rule 2: a compression does not make the record speak for this boot") {
  sealed_file at;
  const lock::boot_id before = at.host.boot();
  at.host.reboot();
  process writer = at.host.start();
  REQUIRE_FALSE(writer->compress_file(0).error);
  CHECK(at.host.record()->boot == before);
  CHECK(writer->put("the first put of this boot").value.file_number == 2);
}

TEST_CASE(
    "rule 10: a mark that a dead process left keeps a compression away too, and is still there for "
    "the next put") {
  const sealed_file at;
  at.host.change_record([](lock::lock_record& record) { record.syncing = 1; });
  process writer = at.host.start();
  CHECK(writer->compress_file(0).error == errc::poisoned);
  CHECK(at.host.record()->syncing == 1U);
  CHECK(writer->put("some bytes").value.file_number == 2);
  CHECK(at.host.record()->poisoned == 1U);
}

TEST_CASE(
    "rule 10: a file that may have lost writes to a failed sync is not compressed in that boot") {
  sealed_file at;
  at.host.change_record([](lock::lock_record& record) { record.poisoned = 0; });
  CHECK(at.host.start()->compress_file(0).error == errc::poisoned);
  CHECK(at.host.names() == strings{plain_name, "data_00000001.dat"});
  // What is read in the next one is what the disk holds.
  at.host.reboot();
  REQUIRE_FALSE(at.host.start()->compress_file(0).error);
  at.check_blobs();
}

TEST_CASE(
    "rule 17: a compression under a lock file that was replaced takes the one that stands there "
    "now") {
  const sealed_file at;
  process writer = at.host.start();
  bool replaced = false;
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.kind != io_call::sync_data || call.file != "." || replaced) return std::nullopt;
    replaced = true;
    const std::string record = read_file(at.host.lock_path());
    fs::remove(at.host.lock_path());
    write_file(at.host.lock_path(), record);
    return std::nullopt;
  });
  const std::uint64_t changes = at.host.record()->changes;
  REQUIRE_FALSE(writer->compress_file(0).error);
  CHECK(at.host.record()->changes > changes);
}
