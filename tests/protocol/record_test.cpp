// Rules 1 and 2 of the protocol on disk: the record in the lock file, and the first put after a
// boot.
#include <sys/stat.h>
#include <xxhash.h>

#include <catch2/catch.hpp>
#include <conduit/error.hpp>

#include "base/little_endian.hpp"
#include "support/bytes.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace {

template <typename Number>
Number number_at(const std::string& bytes, std::size_t offset) {
  return load_little_endian<Number>(reinterpret_cast<const std::byte*>(bytes.data()) + offset);
}

durability any_durability() { return GENERATE(durability::none, durability::fdatasync); }

}  // namespace

TEST_CASE("rule 1: the lock file holds one record of 80 bytes in the documented layout") {
  machine host([](options& how) { how.durability = durability::fdatasync; });
  {
    process writer = host.start();
    REQUIRE(!writer->put("some bytes").error);
    REQUIRE(writer->roll().value == 1);
    REQUIRE(!writer->put(bytes_of(1, 700)).error);
  }
  const std::string bytes = read_file(host.lock_path());
  REQUIRE(bytes.size() == 80);
  struct stat directory{};
  REQUIRE(::stat(host.how.data_directory.c_str(), &directory) == 0);
  CHECK(bytes.substr(0, 8) == "cffdbrec");
  CHECK(number_at<std::uint32_t>(bytes, 8) == 1);   // version
  CHECK(number_at<std::uint32_t>(bytes, 12) == 4);  // only `highest` is set
  CHECK(bytes.substr(16, 16) == std::string(16, '\1'));
  CHECK(number_at<std::uint64_t>(bytes, 32) == directory.st_dev);
  CHECK(number_at<std::uint64_t>(bytes, 40) >= 2);  // two files were created
  CHECK(number_at<std::uint64_t>(bytes, 48) == 700);
  CHECK(number_at<std::uint32_t>(bytes, 56) == 1);  // highest number
  CHECK(number_at<std::uint32_t>(bytes, 60) == 1);  // mutable file
  CHECK(number_at<std::uint32_t>(bytes, 64) == 0);
  CHECK(number_at<std::uint32_t>(bytes, 68) == 0);
  CHECK(number_at<std::uint64_t>(bytes, 72) == XXH3_64bits(bytes.data(), 72));
}

TEST_CASE("rule 1: a record with any byte changed is as good as none") {
  machine host;
  REQUIRE(!host.start()->put("some bytes").error);
  const std::string sound = read_file(host.lock_path());
  for (std::size_t i = 0; i < sound.size(); ++i) {
    write_file(host.lock_path(), sound);
    corrupt_byte(host.lock_path(), i);
    CHECK_FALSE(host.record().has_value());
  }
  // And the store lives with it.
  REQUIRE(host.start()->put("more bytes").value.file_number == 1);
  CHECK(host.record().has_value());
}

TEST_CASE("rule 1: a record that is too short or too long is as good as none") {
  machine host;
  REQUIRE(!host.start()->put("some bytes").error);
  const std::string sound = read_file(host.lock_path());
  write_file(host.lock_path(), sound.substr(0, GENERATE(0U, 1U, 40U, 79U)));
  const auto next = host.start()->put("more bytes");
  REQUIRE(!next.error);
  CHECK(next.value.file_number == 1);
  CHECK(host.record().has_value());
}

TEST_CASE("rule 1: a record that cannot be read stops the put and stays as it is") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  host.change_record([](lock::lock_record& record) { record.highest = 40; });
  const std::string before = read_file(host.lock_path());
  writer.script->fail_every(io_call::read, fault::with_error(EIO), ".lock");
  CHECK(writer->put("more bytes").error == std::errc::io_error);
  CHECK(read_file(host.lock_path()) == before);
  CHECK(host.names().size() == 1);
  writer.script->set_rule({});
  // What the record said still counts.
  CHECK(writer->put("more bytes").value.file_number == 41);
}

TEST_CASE("rule 1: an interrupted read of the record is tried again") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  host.change_record([](lock::lock_record&) {});  // so that it will be read
  writer.script->fail_next(io_call::read, fault::with_error(EINTR), ".lock");
  CHECK(writer->put("more bytes").value.file_number == 0);
  CHECK(writer.script->hits() == 1);
}

TEST_CASE("rule 2: the first put after a boot begins a new file, even if the last one is empty") {
  const durability how = any_durability();
  const bool empty = GENERATE(false, true);
  machine host([how](options& wanted) { wanted.durability = how; });
  {
    process writer = host.start();
    const auto first = writer->put(empty ? "" : "some bytes");
    REQUIRE(!first.error);
    CHECK(first.value.file_number == 0);
    CHECK(writer->put("").value.file_number == 0);
  }
  host.reboot();
  process writer = host.start();
  CHECK(writer->put("more bytes").value.file_number == 1);
  CHECK(writer->put("more bytes").value.file_number == 1);
  CHECK(host.start()->put("more bytes").value.file_number == 1);
  CHECK(host.record()->boot == host.boot());
  CHECK(host.size_of(0) == (empty ? 0 : 10));
}

TEST_CASE("rule 2: the first put under a record of another device begins a new file") {
  machine host;
  REQUIRE(!host.start()->put("some bytes").error);
  host.change_record([](lock::lock_record& record) { ++record.device; });
  CHECK(host.start()->put("more bytes").value.file_number == 1);
  CHECK(host.start()->put("more bytes").value.file_number == 1);
}

TEST_CASE(
    "rule 2: without a record the first put begins a new file, as in a store of the original") {
  machine host;
  std::filesystem::create_directory(host.how.data_directory);
  const data_location old = host.append_as_original(0, "written by the original");
  process writer = host.start();
  CHECK(writer->put("more bytes").value.file_number == 1);
  CHECK(writer->get(old).value == "written by the original");
}

TEST_CASE("rule 2: to open and to close a store after a boot changes nothing on disk") {
  machine host;
  REQUIRE(!host.start()->put("some bytes").error);
  host.reboot();
  const std::string before = read_file(host.lock_path());
  {
    process other = host.start();
    CHECK(other->files().value.size() == 1);
    CHECK(!other->close());
  }
  CHECK(read_file(host.lock_path()) == before);
  CHECK(host.names() == std::vector<std::string>{"data_00000000.dat"});
}

TEST_CASE(
    "rule 2: the record speaks for the new boot only after the new file and its entry are synced") {
  machine host([](options& wanted) { wanted.durability = any_durability(); });
  REQUIRE(!host.start()->put("some bytes").error);
  const lock::boot_id old_boot = host.boot();
  host.reboot();
  process writer = host.start();
  bool created = false;
  bool file_synced = false;
  bool entry_synced = false;
  std::vector<lock::boot_id> seen;  // in the record, before each sync
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.creates) created = true;
    const bool of_file = call.kind == io_call::sync_data && call.file == "data_00000001.dat";
    const bool of_entry = created && call.kind == io_call::sync_directory;
    if (entry_synced || (!of_file && !of_entry)) return std::nullopt;
    seen.push_back(host.record()->boot);
    file_synced =
        file_synced || of_file || (created && call.fd >= 0 && call.kind == io_call::sync_data);
    entry_synced = of_entry;
    return std::nullopt;
  });
  REQUIRE(!writer->put("more bytes").error);
  writer.script->set_rule({});
  CHECK(entry_synced);
  CHECK(!writer.calls(io_call::sync_data).empty());
  for (const lock::boot_id& boot : seen) CHECK(boot == old_boot);
  CHECK(host.record()->boot == host.boot());
}

TEST_CASE("rule 2: a record that is written before the first put keeps the old boot") {
  machine host;
  {
    process writer = host.start();
    REQUIRE(!writer->put("some bytes").error);
    REQUIRE(!writer->roll().error);
  }
  const lock::boot_id old_boot = host.boot();
  host.reboot();
  process other = host.start();
  const std::uint64_t changes = host.record()->changes;
  REQUIRE(!other->delete_file(0));
  CHECK(host.record()->changes > changes);
  CHECK(host.record()->boot == old_boot);
  CHECK(!other->sync());
  CHECK(host.record()->boot == old_boot);
  CHECK(other->put("more bytes").value.file_number == 2);
  CHECK(host.record()->boot == host.boot());
}

TEST_CASE("rule 2: a first put that fails leaves the record of the old boot") {
  machine host;
  REQUIRE(!host.start()->put("some bytes").error);
  const lock::boot_id old_boot = host.boot();
  host.reboot();
  process writer = host.start();
  const io_call failing = GENERATE(io_call::sync_data, io_call::sync_directory);
  writer.script->fail_next(failing, fault::with_error(EIO));
  CHECK(writer->put("more bytes").error == std::errc::io_error);
  CHECK(host.record()->boot == old_boot);
  const auto next = writer->put("more bytes");
  REQUIRE(!next.error);
  // A file that could not be synced was removed again, before anybody used it.
  CHECK(next.value.file_number == (failing == io_call::sync_data ? 1 : 2));
  CHECK(host.record()->boot == host.boot());
}
