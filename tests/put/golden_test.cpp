// Plain stores that the Python original wrote: read them, go on in them, and write the same files.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <filesystem>

#include "files/file_name.hpp"
#include "support/bytes.hpp"
#include "support/golden_store.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

const fs::path golden = golden_stores();

}  // namespace

TEST_CASE("every blob of the original's plain store reads back") {
  machine host([](options& how) { how.direct_io = GENERATE(false, true); });
  install(host, "plain");
  const auto manifest = read_manifest("plain");
  REQUIRE(manifest.size() == 60);
  process reader = host.start([](options& how) { how.read_only = true; });
  std::vector<std::string> blobs;
  for (const manifest_entry& entry : manifest) {
    auto blob = reader->get(entry.where);
    REQUIRE(!blob.error);
    blobs.push_back(std::move(blob.value));
  }
  const auto hashes = sha256_of(blobs, host.directory / "scratch");
  REQUIRE(hashes.size() == manifest.size());
  for (std::size_t i = 0; i < manifest.size(); ++i) CHECK(hashes[i] == manifest[i].sha256);
}

TEST_CASE("puts into the original's plain store leave its blobs as they are") {
  machine host;
  install(host, "plain");
  process writer = host.start();
  const auto blob = writer->put("written by us");
  REQUIRE(!blob.error);
  CHECK(blob.value.file_number == 5);  // the first put since the machine started
  CHECK(writer->get(blob.value).value == "written by us");
  for (const manifest_entry& entry : read_manifest("plain")) {
    const std::string original =
        read_file(golden / "plain" / "data" / files::file_name(entry.where.file_number).text());
    CHECK(writer->get(entry.where).value == original.substr(entry.where.start, entry.where.size()));
  }
}

TEST_CASE("the original's empty plain store can be opened and written") {
  machine host;
  install(host, "plain-empty");
  process writer = host.start();
  CHECK(writer->files().value.size() == 1);
  const auto blob = writer->put("written by us");
  REQUIRE(!blob.error);
  CHECK(writer->get(blob.value).value == "written by us");
  CHECK(writer->files().value.back().form == file_form::plain);
}

TEST_CASE("the same blobs make the same files as the original's") {
  constexpr std::uint64_t max_file_size = 128U << 10;
  machine host([](options& how) { how.max_file_size = max_file_size; });
  process writer = host.start();
  const auto manifest = read_manifest("plain");
  std::size_t next = 0;
  while (next < manifest.size()) {
    // The original's batches do not show in the manifest but for this: no batch begins in a full
    // file.
    const data_location& first = manifest[next].where;
    std::vector<std::string> batch;
    const std::string file =
        read_file(golden / "plain" / "data" / files::file_name(first.file_number).text());
    const std::size_t begin = next;
    do {
      batch.push_back(file.substr(manifest[next].where.start, manifest[next].where.size()));
      ++next;
    } while (next < manifest.size() && manifest[next].where.file_number == first.file_number &&
             manifest[next].where.start >= max_file_size);
    const auto stored = writer->put_many(batch);
    REQUIRE(!stored.error);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      data_location without_checksum = stored.value[i];
      without_checksum.checksum = 0;
      REQUIRE(without_checksum == manifest[begin + i].where);
    }
  }
  std::size_t compared = 0;
  for (const fs::directory_entry& file : fs::directory_iterator(golden / "plain" / "data")) {
    CHECK(read_file(host.how.data_directory / file.path().filename()) == read_file(file.path()));
    ++compared;
  }
  CHECK(host.names().size() == compared);
}
