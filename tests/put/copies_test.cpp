// Copies of a store by hard links, and stores that are opened with different options.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <filesystem>

#include "support/bytes.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

void copy_by_links(const fs::path& from, const fs::path& to) {
  fs::create_directory(to);
  for (const fs::directory_entry& entry : fs::directory_iterator(from))
    fs::create_hard_link(entry.path(), to / entry.path().filename());
}

}  // namespace

TEST_CASE("a copy by hard links that is opened and written never touches the original's files") {
  machine host(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  const auto blob = host.start()->put("some bytes");
  REQUIRE(!host.start()->roll().error);
  const auto last = host.start()->put("in the mutable file");
  const fs::path copy = host.directory / "copy";
  copy_by_links(host.how.data_directory, copy);
  const bool lock_too = GENERATE(false, true);
  if (lock_too) fs::create_hard_link(host.lock_path(), copy.string() + ".lock");

  process of_copy = host.start([&](options& how) { how.data_directory = copy; });
  const auto in_copy = of_copy->put("into the copy");
  REQUIRE(!in_copy.error);
  CHECK(in_copy.value.file_number == 2);
  CHECK(of_copy->get(blob.value).value == "some bytes");
  CHECK(of_copy->get(last.value).value == "in the mutable file");
  CHECK(read_file(host.data_path(0)) == "some bytes");
  CHECK(read_file(host.data_path(1)) == "in the mutable file");

  process of_original = host.start();
  const auto in_original = of_original->put("into the original");
  REQUIRE(!in_original.error);
  CHECK(in_original.value.file_number >= 2);
  CHECK(read_file(copy / "data_00000001.dat") == "in the mutable file");
  CHECK(of_copy->get(in_copy.value).value == "into the copy");
  CHECK(of_original->get(in_original.value).value == "into the original");
  // Deleting in the one leaves the other alone.
  REQUIRE(!of_copy->delete_file(0));
  CHECK(of_original->get(blob.value).value == "some bytes");
}

TEST_CASE("two processes with different file sizes share a store") {
  machine host;
  process small = host.start([](options& how) { how.max_file_size = 1000; });
  process large = host.start([](options& how) { how.max_file_size = 100000; });
  std::vector<std::pair<data_location, std::string>> stored;
  for (std::uint64_t round = 0; round < 60; ++round) {
    const std::string bytes = bytes_of(round, 300);
    const auto one = (round % 2 == 0 ? small : large)->put(bytes);
    REQUIRE(!one.error);
    // The one with the smaller size never begins a blob at or beyond it.
    if (round % 2 == 0) CHECK(one.value.start < 1000);
    stored.emplace_back(one.value, bytes);
  }
  process reader = host.start();
  for (const auto& [where, bytes] : stored) CHECK(reader->get(where).value == bytes);
  CHECK(host.names().size() > 5);
}

TEST_CASE("a compressed file in the directory is left alone and puts go behind it") {
  machine host;
  fs::create_directory(host.how.data_directory);
  fs::copy_file(fs::path(CONDUIT_TEST_DATA_DIR) / "golden/zstd/data/data_00000000.dat.zst",
                host.how.data_directory / "data_00000000.dat.zst");
  const std::string before = read_file(host.how.data_directory / "data_00000000.dat.zst");
  process writer = host.start();
  const auto blob = writer->put("some bytes");
  REQUIRE(!blob.error);
  CHECK(blob.value.file_number == 1);
  data_location inside;
  inside.end = 10;
  CHECK(writer->get(inside).value.size() == 10);
  CHECK(read_file(host.how.data_directory / "data_00000000.dat.zst") == before);
}
