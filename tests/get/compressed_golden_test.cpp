// The original's compressed stores, sound and torn: every blob is served, whatever the file's end
// looks like.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <filesystem>
#include <random>

#include "files/file_name.hpp"
#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/golden_store.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

std::string any_store() {
  return GENERATE(as<std::string>(), "zstd", "zstd-small-frames", "zstd-torn-no-table",
                  "zstd-torn-half-table", "zstd-torn-mid-frame", "zstd-torn-forged-table");
}

// A copy of a golden store and its blobs, as the manifest's hashes vouch for them.
struct golden_copy {
  explicit golden_copy(std::string name, const machine::change& adjust = {})
      : store(std::move(name)), host(adjust), manifest(read_manifest(store)) {
    install(host, store);
  }

  process reader(const machine::change& adjust = {}) {
    return host.start([&](options& how) {
      how.read_only = true;
      if (adjust) adjust(how);
    });
  }

  std::vector<std::string> read_all(process& from) const {
    std::vector<std::string> blobs;
    for (const manifest_entry& entry : manifest) {
      auto blob = from->get(entry.where);
      CAPTURE(store, entry.where.to_string());
      REQUIRE(!blob.error);
      blobs.push_back(std::move(blob.value));
    }
    return blobs;
  }

  std::string store;
  machine host;
  std::vector<manifest_entry> manifest;
};

}  // namespace

TEST_CASE("every blob of the original's compressed stores reads back, torn ones too") {
  golden_copy golden(any_store());
  REQUIRE(golden.manifest.size() > 5);
  process reader = golden.reader([](options& how) { how.direct_io = GENERATE(false, true); });
  const std::vector<std::string> blobs = golden.read_all(reader);
  const auto hashes = sha256_of(blobs, golden.host.directory / "scratch");
  REQUIRE(hashes.size() == golden.manifest.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) CHECK(hashes[i] == golden.manifest[i].sha256);
}

TEST_CASE("a store whose lock file is there is read under the shared lock") {
  golden_copy golden("zstd-torn-no-table");
  write_file(golden.host.lock_path(), "");
  process reader = golden.reader();
  golden.read_all(reader);
  const auto locks = reader.calls(io_call::try_lock_shared);
  CHECK(locks.size() == 1);  // for the mutable file, once
  CHECK(lock_is_free(golden.host.lock_path()));
  CHECK(reader.calls(io_call::try_lock).empty());
}

TEST_CASE("a store without a lock file is read without a lock, and none is created") {
  golden_copy golden("zstd");
  process reader = golden.reader();
  golden.read_all(reader);
  CHECK(reader.calls(io_call::try_lock_shared).empty());
  CHECK_FALSE(fs::exists(golden.host.lock_path()));
}

TEST_CASE("any slice of the original's compressed blobs is what the blob has there") {
  golden_copy golden(any_store());
  const std::size_t cache = GENERATE(0U, 4096U, 1U << 20);
  process reader = golden.reader([&](options& how) { how.frame_cache_bytes = cache; });
  const std::vector<std::string> blobs = golden.read_all(reader);
  std::mt19937_64 random(cache);
  for (int round = 0; round < 300; ++round) {
    const std::size_t which = random() % blobs.size();
    const std::string& blob = blobs[which];
    if (blob.empty()) continue;
    const std::size_t start = random() % blob.size();
    const std::size_t end = start + 1 + random() % (blob.size() - start);
    const slice part{start, end};
    const auto slow = reader->get(golden.manifest[which].where, part);
    const auto fast = reader->get_in_coroutine(golden.manifest[which].where, part);
    CAPTURE(golden.store, which, start, end);
    REQUIRE(!slow.error);
    REQUIRE(!fast.error);
    REQUIRE(slow.value == blob.substr(start, end - start));
    REQUIRE(fast.value == blob.substr(start, end - start));
    CHECK(reader->get(golden.manifest[which].where, {start, blob.size() + 1}).error ==
          errc::out_of_range);
  }
}

TEST_CASE("a location across many frames and blobs is one slice of the file") {
  golden_copy golden("zstd-small-frames");
  process reader = golden.reader();
  const std::vector<std::string> blobs = golden.read_all(reader);
  std::string all;
  data_location whole;
  for (std::size_t i = 0; i < blobs.size() && golden.manifest[i].where.file_number == 0; ++i)
    all += blobs[i];
  whole.end = all.size();
  CHECK(reader->get(whole).value == all);
  std::string memory(all.size(), 'x');
  CHECK(reader->get_into(whole, {}, asio::buffer(memory)).value == all.size());
  CHECK(memory == all);
  whole.end += 1;
  CHECK(reader->get(whole).error == errc::out_of_range);
}

TEST_CASE("files and verify know the plain bytes and the frames of compressed files") {
  golden_copy golden("zstd");
  process reader = golden.reader();
  const auto files = reader->files();
  REQUIRE(!files.error);
  REQUIRE(files.value.size() == 7);
  for (const file_info& file : files.value) {
    CHECK(file.form == file_form::zstd);
    CHECK(file.stored_bytes ==
          fs::file_size(golden.host.how.data_directory /
                        files::file_name(file.number, file_form::zstd).text()));
    CHECK(file.sealed == (file.number != 6));
    std::uint64_t end = 0;
    for (const manifest_entry& entry : golden.manifest) {
      if (entry.where.file_number == file.number) end = std::max(end, entry.where.end);
    }
    CHECK(file.plain_bytes == end);
    const auto report = reader->verify(file.number);
    REQUIRE(!report.error);
    CHECK(report.value.faults.empty());
    CHECK(report.value.frames > 0);
    CHECK(report.value.bytes == file.stored_bytes);
  }
}

TEST_CASE("verify names the frame and the offset where a torn file ends") {
  golden_copy golden(GENERATE(as<std::string>(), "zstd-torn-no-table", "zstd-torn-half-table",
                              "zstd-torn-forged-table", "zstd-torn-mid-frame"));
  if (GENERATE(false, true)) write_file(golden.host.lock_path(), "");
  process reader = golden.reader();
  const std::uint32_t last = reader->files().value.back().number;
  const auto report = reader->verify(last);
  REQUIRE(!report.error);
  REQUIRE(report.value.faults.size() == 1);
  const verify_fault& fault = report.value.faults[0];
  CHECK(fault.file == last);
  CHECK(fault.frame == report.value.frames);
  CHECK(fault.offset > 0);
  CHECK(fault.error == errc::corrupt);
}
