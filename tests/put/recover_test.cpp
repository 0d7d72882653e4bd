// Mending torn compressed files because somebody asked for it.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <filesystem>

#include "support/bytes.hpp"
#include "support/golden_store.hpp"
#include "support/machine.hpp"
#include "support/zstd_files.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

std::uint32_t highest_in(const machine& host) {
  return static_cast<std::uint32_t>(host.names().size() - 1);
}

}  // namespace

TEST_CASE(
    "a torn store of the original is mended as asked, serves every blob, and then there is nothing "
    "to do") {
  const std::string store =
      GENERATE(as<std::string>(), "zstd-torn-no-table", "zstd-torn-half-table",
               "zstd-torn-mid-frame", "zstd-torn-forged-table");
  CAPTURE(store);
  const machine host;
  install(host, store);
  process person = host.start();
  const std::uint32_t torn = highest_in(host);
  const std::string before = read_file(zstd_path(host, torn));
  const auto seen = host.start([](options& how) { how.read_only = true; })->examine_file(torn);
  CHECK(seen.value.outcome == recovery::mended);
  CHECK(read_file(zstd_path(host, torn)) == before);
  const auto done = person->recover_file(torn);
  REQUIRE(!done.error);
  CHECK(done.value.outcome == recovery::mended);
  CHECK(done.value.offset == seen.value.offset);
  CHECK(done.value.offset + done.value.cut_bytes == before.size());
  CHECK(read_file(zstd_path(host, torn)).substr(0, done.value.offset) ==
        before.substr(0, done.value.offset));
  CHECK(table_in(zstd_path(host, torn)).count() == done.value.frames);
  CHECK(person->recover_file(torn).value.outcome == recovery::nothing_to_do);
  for (std::uint32_t number = 0; number < torn; ++number)
    CHECK(person->recover_file(number).value.outcome == recovery::nothing_to_do);
  std::vector<std::string> blobs;
  const std::vector<manifest_entry> manifest = read_manifest(store);
  for (const manifest_entry& entry : manifest) {
    blobs.push_back(person->get(entry.where).value);
    REQUIRE(blobs.back().size() == entry.where.size());
  }
  const auto hashes = sha256_of(blobs, host.directory / "scratch");
  for (std::size_t i = 0; i < manifest.size(); ++i) CHECK(hashes[i] == manifest[i].sha256);
}

TEST_CASE("a file that was mended as asked is never appended to again") {
  const machine host([](options& how) { how.compression = compression::zstd; });
  process writer = host.start();
  REQUIRE(!writer->put(bytes_of(1, 100000)).error);
  cut_table(zstd_path(host, 0));
  REQUIRE(writer->recover_file(0).value.outcome ==
          recovery::nothing_to_do);  // the writer's own tenure has mended it
  fs::resize_file(zstd_path(host, 0), 1000);
  process person = host.start();
  CHECK(person->recover_file(0).value.outcome == recovery::mended);
  const std::string mended = read_file(zstd_path(host, 0));
  CHECK(person->put("more bytes").value.file_number == 1);
  CHECK(host.start()->put("more bytes").value.file_number == 1);
  CHECK(read_file(zstd_path(host, 0)) == mended);
}

TEST_CASE("zero bytes behind whole frames are cut off as asked") {
  const machine host([](options& how) { how.compression = compression::zstd; });
  const std::string bytes = bytes_of(1, 100000);
  REQUIRE(!host.start()->put(bytes).error);
  cut_table(zstd_path(host, 0));
  append_to(zstd_path(host, 0), std::string(5000, '\0'));
  fs::resize_file(host.lock_path(), 0);  // nobody vouches for the file
  const auto done = host.start()->recover_file(0);
  CHECK(done.value.outcome == recovery::mended);
  CHECK(done.value.cut_bytes == 5000);
  CHECK(decompressed(zstd_path(host, 0)) == bytes);
}

TEST_CASE("a damaged file is left as it is, since whole frames may follow") {
  const machine host([](options& how) { how.compression = compression::zstd; });
  REQUIRE(!host.start()->put(bytes_of(1, 300000)).error);
  const auto frames = table_in(zstd_path(host, 0));
  overwrite(zstd_path(host, 0), frames[1].stored_start + frames[1].sizes.stored / 2, "?!?!");
  const std::string before = read_file(zstd_path(host, 0));
  const auto done = host.start()->recover_file(0);
  REQUIRE(!done.error);
  CHECK(done.value.outcome == recovery::damaged);
  CHECK(done.value.frames == 1);
  CHECK(done.value.offset == frames[1].stored_start);
  CHECK(read_file(zstd_path(host, 0)) == before);
}

TEST_CASE("recovery refuses what is no file to mend") {
  const machine host;
  process writer = host.start();
  REQUIRE(!writer->put("plain").error);
  CHECK(writer->recover_file(0).value.outcome == recovery::nothing_to_do);
  CHECK(writer->recover_file(7).error == errc::no_such_file);
  CHECK(host.start([](options& how) { how.read_only = true; })->recover_file(0).error ==
        errc::read_only);
}

TEST_CASE(
    "a crash at any step of a recovery leaves a file that the next recovery mends to the same "
    "bytes") {
  const machine host;
  install(host, "zstd-torn-mid-frame");
  const std::uint32_t torn = highest_in(host);
  const fs::path file = zstd_path(host, torn);
  const std::string before = read_file(file);
  REQUIRE(host.start()->recover_file(torn).value.outcome == recovery::mended);
  const std::string after = read_file(file);
  for (const io_call step : {io_call::truncate, io_call::write, io_call::sync_data}) {
    write_file(file, before);
    process first = host.start();
    first.script->fail_next(step, fault::with_error(EIO), ".zst");
    CHECK(first->recover_file(torn).error == std::errc::io_error);
    const auto again = host.start()->recover_file(torn);
    CHECK(!again.error);
    CHECK(read_file(file) == after);
  }
}
