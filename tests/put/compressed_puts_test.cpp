// Puts into a compressed store: how blobs become frames, and which file they go to.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <cstdlib>
#include <filesystem>

#include "support/bytes.hpp"
#include "support/machine.hpp"
#include "support/zstd_files.hpp"

using namespace conduit;
using namespace conduit::test;

TEST_CASE("blobs of a batch share frames and none that fits into a frame is cut") {
  const machine host = compressed_host();
  process writer = host.start();
  std::vector<std::string> blobs;
  for (std::uint64_t i = 0; i < 100; ++i) blobs.push_back(bytes_of(i, 3000));
  const auto all = writer->put_many(blobs);
  REQUIRE(!all.error);
  const auto frames = table_in(zstd_path(host, 0));
  // 21 of 3,000 bytes go into 64 KiB.
  CHECK(frames.count() == 5);
  for (const data_location& where : all.value) {
    std::size_t covering = 0;
    for ([[maybe_unused]] const auto frame : frames.covering(where.start, where.end)) ++covering;
    CHECK(covering == 1);
  }
}

TEST_CASE("a blob larger than a frame is cut into frames of the wanted size") {
  const std::size_t frame_bytes = GENERATE(1U, 1000U, 65536U, 1U << 20);
  const machine host = compressed_host([&](options& how) { how.frame_bytes = frame_bytes; });
  process writer = host.start();
  const std::string bytes = bytes_of(1, frame_bytes == 1 ? 300 : 10 * frame_bytes + 1);
  const auto one = writer->put(bytes);
  REQUIRE(!one.error);
  const auto frames = table_in(zstd_path(host, 0));
  CHECK(frames.count() == (bytes.size() + frame_bytes - 1) / frame_bytes);
  CHECK(frames[0].sizes.plain == frame_bytes);
  CHECK(decompressed(zstd_path(host, 0)) == bytes);
}

TEST_CASE("puts of every size from many coroutines keep their bytes and their order in the file") {
  const machine host = compressed_host(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  process writer = host.start();
  std::vector<std::string> blobs;
  for (std::uint64_t i = 0; i < 200; ++i) blobs.push_back(bytes_of(i, (i * i * 97) % 30000));
  std::vector<blocking_store::pending<data_location>> pending;
  for (const std::string& bytes : blobs) pending.push_back(writer->begin_put(bytes));
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    const auto one = writer->wait(pending[i]);
    REQUIRE(!one.error);
    CHECK(decompressed(zstd_path(host, 0)).substr(one.value.start, blobs[i].size()) == blobs[i]);
  }
}

TEST_CASE("a compressed file is full when its plain bytes are") {
  const machine host = compressed_host([](options& how) { how.max_file_size = 100000; });
  process writer = host.start();
  const std::string bytes(30000, 'a');  // compresses to next to nothing
  for (std::uint32_t i = 0; i < 12; ++i) CHECK(writer->put(bytes).value.file_number == i / 4);
  CHECK(decompressed(zstd_path(host, 0)).size() == 120000);
}

TEST_CASE("a compressed file is left when it has 4096 frames") {
  const machine host = compressed_host([](options& how) { how.frame_bytes = 1; });
  process writer = host.start();
  REQUIRE(writer->put(bytes_of(1, 4095)).value.file_number == 0);
  REQUIRE(writer->put(bytes_of(2, 10)).value.file_number == 0);
  CHECK(writer->put(bytes_of(3, 10)).value.file_number == 1);
  CHECK(table_in(zstd_path(host, 0)).count() == 4105);
}

TEST_CASE("an empty blob is stored in a compressed store too") {
  const machine host = compressed_host(
      [](options& how) { how.durability = GENERATE(durability::none, durability::fdatasync); });
  process writer = host.start();
  const auto empty = writer->put("");
  REQUIRE(!empty.error);
  CHECK(empty.value.start == empty.value.end);
  CHECK(table_in(zstd_path(host, 0)).count() == 0);
  CHECK(writer->put("some bytes").value.start == 0);
}

TEST_CASE("naming another form than the mutable file's seals it") {
  const machine host;
  REQUIRE(host.start()->put("plain").value.file_number == 0);
  const auto asked = [](compression wanted) {
    return [wanted](options& how) { how.compression = wanted; };
  };
  CHECK(host.start(asked(compression::zstd))->put("compressed").value.file_number == 1);
  CHECK(host.start(asked(compression::follow))->put("compressed").value.file_number == 1);
  CHECK(host.start(asked(compression::none))->put("plain").value.file_number == 2);
  CHECK(host.start(asked(compression::follow))->put("plain").value.file_number == 2);
  CHECK(decompressed(zstd_path(host, 1)) == "compressedcompressed");
}

TEST_CASE("a store that follows goes over to the form that another process begins") {
  const machine host;
  process follower = host.start();
  REQUIRE(follower->put("plain").value.file_number == 0);
  process other = host.start([](options& how) { how.compression = compression::zstd; });
  REQUIRE(other->put("compressed").value.file_number == 1);
  const auto one = follower->put("followed");
  REQUIRE(!one.error);
  CHECK(one.value.file_number == 1);
  CHECK(decompressed(zstd_path(host, 1)) == "compressedfollowed");
  process plain = host.start([](options& how) { how.compression = compression::none; });
  REQUIRE(plain->put("plain").value.file_number == 2);
  CHECK(follower->put("followed").value.file_number == 2);
  CHECK(read_file(host.data_path(2)) == "plainfollowed");
}

TEST_CASE("frame sizes and levels that zstd does not take are refused at the open") {
  const machine host;
  const auto refused = [&](const machine::change& adjust) {
    try {
      host.start(adjust);
      return std::error_code{};
    } catch (const std::system_error& error) {
      return error.code();
    }
  };
  CHECK(refused([](options& how) { how.frame_bytes = 0; }) == errc::bad_options);
  CHECK(refused([](options& how) { how.frame_bytes = (1U << 30) + 1; }) == errc::bad_options);
  CHECK(refused([](options& how) { how.level = 23; }) == errc::bad_options);
}

TEST_CASE(
    "a compressed file that was begun and never written to is one that the zstd program reads") {
  const machine host = compressed_host();
  {
    process store = host.start();
    REQUIRE(!store->put("something").error);
    REQUIRE(!store->roll().error);
    for (std::uint32_t number = 0; number < 2; ++number) {
      CHECK(std::system(("zstd -q -t '" + zstd_path(host, number).string() + "'").c_str()) == 0);
    }
  }
  // As a process leaves it that is killed right after it created the file.
  std::filesystem::resize_file(zstd_path(host, 1), 0);
  process next = host.start();
  CHECK(next->put("").value.file_number == 1);
  CHECK(table_in(zstd_path(host, 1)).count() == 0);
  CHECK(std::system(("zstd -q -t '" + zstd_path(host, 1).string() + "'").c_str()) == 0);
  const auto blob = next->put("something else");
  CHECK(blob.value.file_number == 1);
  CHECK(host.start()->get(blob.value).value == "something else");
}
