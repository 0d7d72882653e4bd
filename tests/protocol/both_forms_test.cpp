// Rule 14 of the protocol on disk: a number that stands there plain and compressed, as a process
// leaves it that is killed while it compresses.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <sys/stat.h>
#include <utility>

#include "support/bytes.hpp"
#include "support/machine.hpp"
#include "support/zstd_files.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

using strings = std::vector<std::string>;

// File 0 stands there in both forms, with the same bytes; file 1 is the mutable one.
struct both_forms {
  both_forms() {
    process writer = host.start();
    bytes = bytes_of(1, 100'000) + std::string(100'000, 'y');
    where = writer->put(bytes).value;
    REQUIRE(writer->roll().value == 1);
    fs::copy_file(host.data_path(0), host.directory.path() / "plain");
    REQUIRE_FALSE(writer->compress_file(0).error);
    fs::copy_file(host.directory.path() / "plain", host.data_path(0));
  }

  // The same length, another byte.
  void make_different() const { corrupt_byte(host.data_path(0), 150'000); }

  machine host;
  std::string bytes;
  data_location where;
};

// The device and inode of a file.
std::pair<dev_t, ino_t> identity_of(const fs::path& file) {
  struct stat found{};
  REQUIRE(::stat(file.c_str(), &found) == 0);
  return {found.st_dev, found.st_ino};
}

// Does something behind the store's back once it has compared both forms: it syncs the plain one
// then.
void after_the_comparison(const process& writer, const std::function<void()>& what) {
  writer.script->set_rule(
      [what, done = false](const seen_call& call) mutable -> std::optional<fault> {
        const bool now = call.kind == io_call::sync_data && call.file == "data_00000000.dat";
        if (now && !std::exchange(done, true)) what();
        return std::nullopt;
      });
}

}  // namespace

TEST_CASE("rule 14: both forms with the same bytes serve, also read-only") {
  const both_forms at;
  const bool read_only = GENERATE(false, true);
  process reader = at.host.start([read_only](options& how) { how.read_only = read_only; });
  CHECK((reader->get(at.where).value == at.bytes));
  const auto files = reader->files();
  REQUIRE(files.value.size() == 2);
  CHECK(files.value[0].plain_bytes == at.bytes.size());
  CHECK(reader->verify(0).value.faults.empty());
}

TEST_CASE(
    "rule 14: of both forms with the same bytes the plain one is compressed anew, since a failed "
    "sync may have lost the name of the other") {
  const both_forms at;
  const auto left = identity_of(zstd_path(at.host, 0));
  process writer = at.host.start();
  writer.script->forget_calls();
  const auto done = writer->compress_file(0);
  REQUIRE_FALSE(done.error);
  CHECK(done.value.plain_bytes == at.bytes.size());
  CHECK(at.host.names() == strings{"data_00000000.dat.zst", "data_00000001.dat"});
  CHECK(identity_of(zstd_path(at.host, 0)) != left);
  const auto removed = writer.calls(io_call::remove);
  const auto linked = writer.calls(io_call::link);
  const auto synced = writer.calls(io_call::sync_directory);
  REQUIRE((removed.size() == 2 && linked.size() == 1 && synced.size() == 1));
  CHECK(removed[0].file == "data_00000000.dat.zst");
  CHECK(removed[0].index < linked[0].index);
  CHECK(linked[0].index < synced[0].index);
  CHECK(synced[0].index < removed[1].index);
  CHECK((at.host.start()->get(at.where).value == at.bytes));
}

TEST_CASE("rule 14: where both forms stand and a sync or the removal fails the plain one stays") {
  const both_forms at;
  process writer = at.host.start();
  const auto [kind, suffix] = GENERATE(table<io_call, std::string>(
      {{io_call::sync_data, ".dat"}, {io_call::sync_directory, ""}, {io_call::remove, ".zst"}}));
  writer.script->fail_next(kind, fault::with_error(EIO), suffix);
  CHECK(writer->compress_file(0).error == std::errc::io_error);
  CHECK(fs::exists(at.host.data_path(0)));
  CHECK((at.host.start()->get(at.where).value == at.bytes));
}

TEST_CASE(
    "rule 14: where the compressed file is replaced after it was compared both are compared "
    "again") {
  const both_forms at;
  process writer = at.host.start();
  after_the_comparison(writer, [&] {
    fs::copy_file(zstd_path(at.host, 0), at.host.directory.path() / "other");
    corrupt_byte(at.host.directory.path() / "other", 1000);
    fs::rename(at.host.directory.path() / "other", zstd_path(at.host, 0));
  });
  CHECK(writer->compress_file(0).error == errc::corrupt);
  CHECK(at.host.names().size() == 3);
}

TEST_CASE("rule 14: where both forms are deleted after they were compared there is no such file") {
  const both_forms at;
  process writer = at.host.start();
  after_the_comparison(writer, [&] {
    fs::remove(zstd_path(at.host, 0));
    fs::remove(at.host.data_path(0));
  });
  CHECK(writer->compress_file(0).error == errc::no_such_file);
  CHECK(at.host.names() == strings{"data_00000001.dat"});
}

TEST_CASE("rule 14: an empty plain file beside a compressed one hides nothing and goes") {
  const both_forms at;
  fs::resize_file(at.host.data_path(0), 0);
  process writer = at.host.start();
  CHECK((writer->get(at.where).value == at.bytes));
  CHECK(writer->files().value.at(0).form == file_form::zstd);
  writer.script->forget_calls();
  REQUIRE_FALSE(writer->compress_file(0).error);
  CHECK(at.host.names() == strings{"data_00000000.dat.zst", "data_00000001.dat"});
  // It may hold empty blobs.
  const auto content = writer.calls(io_call::sync_data, ".zst");
  const auto names = writer.calls(io_call::sync_directory);
  const auto removal = writer.calls(io_call::remove, ".dat");
  REQUIRE((content.size() == 1 && names.size() == 1 && removal.size() == 1));
  CHECK(content[0].index < names[0].index);
  CHECK(names[0].index < removal[0].index);
  CHECK((writer->get(at.where).value == at.bytes));
}

TEST_CASE(
    "rule 14: an empty compressed file beside a plain one holds nothing, and gives way to the one "
    "that does") {
  const both_forms at;
  fs::resize_file(zstd_path(at.host, 0), 0);
  process writer = at.host.start();
  CHECK((writer->get(at.where).value == at.bytes));
  CHECK(
      (at.host.start([](options& how) { how.read_only = true; })->get(at.where).value == at.bytes));
  CHECK(writer->files().value.at(0).form == file_form::plain);
  CHECK(writer->verify(0).value.faults.empty());
  const auto done = writer->compress_file(0);
  REQUIRE_FALSE(done.error);
  CHECK(done.value.plain_bytes == at.bytes.size());
  CHECK(at.host.names() == strings{"data_00000000.dat.zst", "data_00000001.dat"});
  CHECK((writer->get(at.where).value == at.bytes));
}

TEST_CASE(
    "rule 14: where the removal of an empty compressed file fails, the plain one stays and "
    "serves") {
  const both_forms at;
  fs::resize_file(zstd_path(at.host, 0), 0);
  process writer = at.host.start();
  writer.script->fail_next(io_call::remove, fault::with_error(EIO), ".zst");
  CHECK(writer->compress_file(0).error == std::errc::io_error);
  CHECK((writer->get(at.where).value == at.bytes));
  CHECK_FALSE(writer->compress_file(0).error);
  CHECK((writer->get(at.where).value == at.bytes));
}

TEST_CASE("rule 14: both forms with different bytes are refused, and neither is touched") {
  const both_forms at;
  const std::string what = GENERATE(as<std::string>(), "another byte", "shorter", "longer",
                                    "a damaged frame", "no table");
  CAPTURE(what);
  if (what == "another byte") at.make_different();
  if (what == "shorter") fs::resize_file(at.host.data_path(0), 100'000);
  if (what == "longer") append_to(at.host.data_path(0), "more");
  if (what == "a damaged frame") corrupt_byte(zstd_path(at.host, 0), 1000);
  if (what == "no table") cut_table(zstd_path(at.host, 0));
  const std::string plain = read_file(at.host.data_path(0));
  const std::string compressed = read_file(zstd_path(at.host, 0));
  process writer = at.host.start();
  for (int round = 0; round < 2; ++round) {
    CHECK(writer->get(at.where).error == errc::corrupt);
    CHECK(writer->compress_file(0).error == errc::corrupt);
    CHECK(writer->verify(0).value.faults.size() == 1);
  }
  CHECK((read_file(at.host.data_path(0)) == plain));
  CHECK((read_file(zstd_path(at.host, 0)) == compressed));
  // The store goes on.
  CHECK(writer->put("more").value.file_number == 1);
}

TEST_CASE("rule 14: a number that was refused serves again once one of its forms was taken away") {
  const both_forms at;
  at.make_different();
  process reader = at.host.start();
  REQUIRE(reader->get(at.where).error == errc::corrupt);
  fs::remove(at.host.data_path(0));
  CHECK((reader->get(at.where).value == at.bytes));
}

TEST_CASE("rule 14: readers that come between link and removal are served") {
  const machine host;
  process writer = host.start();
  const std::string bytes = bytes_of(2, 300'000);
  const data_location where = writer->put(bytes).value;
  REQUIRE(writer->roll().value == 1);
  std::vector<outcome<std::string>> seen;
  writer.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.kind == io_call::link || call.kind == io_call::sync_directory ||
        call.kind == io_call::remove) {
      seen.push_back(host.start([](options& how) { how.read_only = true; })->get(where));
    }
    return std::nullopt;
  });
  REQUIRE_FALSE(writer->compress_file(0).error);
  REQUIRE(seen.size() >= 3);
  for (const auto& one : seen) {
    CHECK_FALSE(one.error);
    CHECK((one.value == bytes));
  }
}
