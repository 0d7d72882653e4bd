// Files that are cut or removed while somebody reads them.
#include <catch2/catch.hpp>
#include <chrono>
#include <conduit/error.hpp>
#include <filesystem>
#include <thread>

#include "support/bytes.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

bool deleted_file_is_open(const machine& host) {
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the descriptor of this very listing
    const std::string target = fs::read_symlink(entry.path(), gone).string();
    if (target.starts_with(host.how.data_directory.string()) && target.ends_with("(deleted)"))
      return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a file cut under a reader gives an error and never short data") {
  machine host([](options& how) { how.direct_io = GENERATE(false, true); });
  process reader = host.start();
  const std::string bytes = bytes_of(1, 1000000);
  const auto blob = reader->put(bytes);
  REQUIRE(!reader->roll().error);
  REQUIRE(reader->get(blob.value).value == bytes);
  const std::uint64_t left = GENERATE(0U, 1U, 4096U, 500000U, 999999U);
  fs::resize_file(host.data_path(0), left);
  const auto whole = reader->get(blob.value);
  CHECK(whole.error == (left == 0 ? errc::no_such_file : errc::out_of_range));
  CHECK(whole.value.empty());
  CHECK(reader->get(blob.value, {left, left + 1}).error);
  if (left > 0) CHECK(reader->get(blob.value, {0, left}).value == bytes.substr(0, left));
  if (left > 0)
    CHECK(reader->get_in_coroutine(blob.value, {left - 1, left}).value ==
          bytes.substr(left - 1, 1));
}

TEST_CASE("a file cut in the middle of a read gives an error and never short data") {
  machine host([](options& how) { how.direct_io = GENERATE(false, true); });
  process reader = host.start();
  const std::string bytes = bytes_of(1, 1000000);
  const auto blob = reader->put(bytes);
  REQUIRE(!reader->roll().error);
  // Between the look at the size and the transfer.
  bool cut = false;
  reader.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.kind != io_call::start_read || cut) return std::nullopt;
    cut = true;
    fs::resize_file(host.data_path(0), 123456);
    return std::nullopt;
  });
  const auto whole = reader->get(blob.value);
  CHECK(cut);
  CHECK(whole.error == errc::out_of_range);
  CHECK(whole.value.empty());
}

TEST_CASE("a file deleted in the middle of a read is read to its end") {
  machine host([](options& how) { how.direct_io = GENERATE(false, true); });
  process reader = host.start();
  process other = host.start();
  const std::string bytes = bytes_of(1, 1000000);
  const auto blob = reader->put(bytes);
  REQUIRE(!reader->roll().error);
  bool removed = false;
  // The first transfer is short, so that one comes after the removal.
  reader.script->set_rule([&](const seen_call& call) -> std::optional<fault> {
    if (call.kind != io_call::start_read || removed) return std::nullopt;
    removed = true;
    REQUIRE(!other->delete_file(0));
    return fault{fault::kind::short_half};
  });
  CHECK(reader->get(blob.value).value == bytes);
  CHECK(removed);
  CHECK_FALSE(fs::exists(host.data_path(0)));
}

TEST_CASE(
    "the space of a file that another process deleted is given back while nobody asks for "
    "anything") {
  machine host;
  process reader = host.start();
  const auto blob = reader->put("some bytes");
  REQUIRE(reader->get(blob.value).value == "some bytes");
  REQUIRE(!reader->roll().error);
  // The writer's descriptor goes with the sync, the reader's by itself.
  REQUIRE(!reader->sync());
  REQUIRE(!host.start()->delete_file(0));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (deleted_file_is_open(host) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  CHECK_FALSE(deleted_file_is_open(host));
  CHECK(reader->get(blob.value).error == errc::no_such_file);
}

TEST_CASE("the space of a file that this process deleted is given back at once") {
  machine host;
  process writer = host.start();
  const auto blob = writer->put("some bytes");
  REQUIRE(writer->get(blob.value).value == "some bytes");
  REQUIRE(!writer->roll().error);
  REQUIRE(!writer->sync());
  REQUIRE(writer->put("more bytes").value.file_number == 1);
  REQUIRE(!writer->delete_file(0));
  CHECK_FALSE(deleted_file_is_open(host));
}

TEST_CASE("a corrupt byte is found by a whole get and by no slice") {
  machine host([](options& how) { how.direct_io = GENERATE(false, true); });
  process reader = host.start();
  const std::string bytes = bytes_of(1, 10000);
  const auto blob = reader->put(bytes);
  REQUIRE(!reader->roll().error);
  corrupt_byte(host.data_path(0), 5000);
  CHECK(reader->get(blob.value).error == errc::corrupt);
  CHECK(reader->get(blob.value).value.empty());
  CHECK(reader->get_in_coroutine(blob.value).error == errc::corrupt);
  CHECK(reader->get(blob.value, {0, 5000}).value == bytes.substr(0, 5000));
}
