// roll, delete, files, verify and sync: results and refusals.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "support/outcome.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

std::vector<std::uint32_t> numbers_of(const std::vector<file_info>& files) {
  std::vector<std::uint32_t> numbers;
  for (const file_info& file : files) numbers.push_back(file.number);
  return numbers;
}

using numbers = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("roll begins the next file and at least the one asked for") {
  store_fixture store;
  const data_location location = store.put("something");
  CHECK(location.file_number == 0);
  CHECK(store.roll() == 1);
  CHECK(store.roll(1) == 2);  // not above what there is
  CHECK(store.roll(100) == 100);
  CHECK(store.roll(100) == 101);
  CHECK(store.put("next").file_number == 101);
  CHECK(numbers_of(store.files()) == numbers{0, 1, 2, 100, 101});
  CHECK(store.get(location) == "something");
}

TEST_CASE("roll of an empty store begins the first file") {
  store_fixture store;
  CHECK(store.roll() == 0);
  CHECK(store.put("something").file_number == 0);
}

TEST_CASE("roll behind the last number that there is fails and the store goes on") {
  store_fixture store;
  const std::uint32_t last = std::numeric_limits<std::uint32_t>::max();
  CHECK(store.roll(last) == last);
  CHECK(store.error_of(store.db.roll()) == std::errc::value_too_large);
  const data_location location = store.put("in the last file");
  CHECK(location.file_number == last);
  CHECK(store.get(location) == "in the last file");
}

TEST_CASE("files tells numbers, sizes and which one is mutable") {
  store_fixture store;
  CHECK(store.files().empty());
  store.put(bytes_of(1, 1000));
  store.roll();
  store.roll();
  store.put("abc");
  const std::vector<file_info> files = store.files();
  REQUIRE(files.size() == 3);
  CHECK(numbers_of(files) == numbers{0, 1, 2});
  CHECK((files[0].sealed && files[1].sealed && !files[2].sealed));
  CHECK((files[0].plain_bytes == 1000 && files[1].plain_bytes == 0 && files[2].plain_bytes == 3));
  for (const file_info& file : files) {
    CHECK(file.form == file_form::plain);
    CHECK(file.stored_bytes == file.plain_bytes);
  }
}

TEST_CASE("files passes over what is no data file") {
  store_fixture store;
  store.put("abc");
  const std::filesystem::path directory = store.how.data_directory;
  for (const char* name : {"notes.txt", "data_7.dat", "data_00000003.dat.bak", "data_000000004.dat",
                           "data_00000005.DAT", ".dat"}) {
    write_file(directory / name, "foreign");
  }
  std::filesystem::create_directory(directory / "data_00000006.dat");
  ::mkfifo((directory / "data_00000007.dat").c_str(), 0600);
  std::filesystem::create_symlink("data_00000000.dat", directory / "data_00000008.dat");
  CHECK(numbers_of(store.files()) == numbers{0});
  for (const std::uint32_t number : {6U, 7U, 8U}) {
    CAPTURE(number);
    CHECK(store.error_of(store.db.get({number, 0, 0, 1})) == errc::not_a_regular_file);
    CHECK(store.error_of(store.db.verify(number)) == errc::not_a_regular_file);
    CHECK(store.error_of(store.db.delete_file(number)) == errc::not_a_regular_file);
  }
  CHECK(store.roll() == 9);  // above all names
  CHECK(store.run(store.db.delete_before(100)) == 1);
  CHECK(numbers_of(store.files()) == numbers{9});
}

TEST_CASE("delete_file removes a sealed file and nothing else") {
  store_fixture store;
  const data_location first = store.put("first");
  store.roll();
  const data_location second = store.put("second");
  CHECK(store.error_of(store.db.delete_file(second.file_number)) == errc::mutable_file);
  CHECK(store.error_of(store.db.delete_file(7)) == errc::no_such_file);
  CHECK_FALSE(store.error_of(store.db.delete_file(first.file_number)));
  CHECK(store.error_of(store.db.delete_file(first.file_number)) == errc::no_such_file);
  CHECK(store.error_of(store.db.get(first)) == errc::no_such_file);
  CHECK(store.get(second) == "second");
  CHECK(numbers_of(store.files()) == numbers{1});
}

TEST_CASE("delete_before removes every lower sealed file and counts them") {
  store_fixture store;
  for (int i = 0; i < 5; ++i) store.roll();
  CHECK(store.run(store.db.delete_before(0)) == 0);
  CHECK(store.run(store.db.delete_before(2)) == 2);
  CHECK(store.run(store.db.delete_before(2)) == 0);
  CHECK(numbers_of(store.files()) == numbers{2, 3, 4});
  CHECK(store.run(store.db.delete_before(std::numeric_limits<std::uint32_t>::max())) == 2);
  CHECK(numbers_of(store.files()) == numbers{4});
  CHECK(store.roll() == 5);  // numbers do not come back
}

TEST_CASE("delete of an empty store finds nothing") {
  store_fixture store;
  CHECK(store.error_of(store.db.delete_file(0)) == errc::no_such_file);
  CHECK(store.run(store.db.delete_before(10)) == 0);
}

TEST_CASE("every context of a store gives up a deleted file at once") {
  store_fixture store;
  const data_location first = store.put("first");
  store.roll();
  asio::io_context other;
  const flat_file_db bound = store.db.bind(other);
  CHECK(run(other, bound.get(first)).text() == "first");
  store.run(store.db.delete_file(first.file_number));
  CHECK(error_of(other, bound.get(first)) == errc::no_such_file);
  CHECK(store.error_of(store.db.get(first)) == errc::no_such_file);
}

TEST_CASE("verify reads a file to its end") {
  store_fixture store;
  const std::string bytes = bytes_of(1, 3'000'000);
  const data_location location = store.put(bytes);
  const verify_report report = store.run(store.db.verify(location.file_number));
  CHECK(report.bytes == bytes.size());
  CHECK(report.frames == 0);
  CHECK(report.faults.empty());
  CHECK(store.error_of(store.db.verify(location.file_number + 1)) == errc::no_such_file);
  store.roll();
  CHECK(store.run(store.db.verify(location.file_number + 1)).bytes == 0);
}

TEST_CASE("sync may be called at any time") {
  store_fixture store;
  CHECK_FALSE(store.error_of(store.db.sync()));
  store.put("something");
  CHECK_FALSE(store.error_of(store.db.sync()));
  CHECK_FALSE(store.error_of(store.db.sync()));
  store.roll();
  store.put("something");
  store.roll();
  CHECK_FALSE(store.error_of(store.db.sync()));
  CHECK(store.db.stats().syncs >= 2);
}

TEST_CASE("maintenance keeps its place between the puts around it") {
  store_fixture store;
  outcome<data_location> before;
  outcome<std::uint32_t> roll;
  outcome<data_location> behind;
  outcome<> removal;
  outcome<data_location> last;
  store.db.put(asio::buffer("a", 1), before.handler());
  store.db.roll(0, roll.handler());
  store.db.put(asio::buffer("b", 1), behind.handler());
  store.db.delete_file(0, removal.handler());
  store.db.put(asio::buffer("c", 1), last.handler());
  run_dry(store.context);
  REQUIRE((before.well() && roll.well() && behind.well() && removal.well() && last.well()));
  CHECK(before.value().file_number == 0);
  CHECK(roll.value() == 1);
  CHECK(behind.value() == data_location{1, behind.value().checksum, 0, 1});
  CHECK(last.value() == data_location{1, last.value().checksum, 1, 2});
}

}  // namespace conduit::test
