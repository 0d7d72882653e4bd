// Things under the names of data files and of the lock that are none: refused at once, never
// opened, never waited for.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <filesystem>

#include "support/bytes.hpp"
#include "support/machine.hpp"

using namespace conduit;
using namespace conduit::test;

namespace fs = std::filesystem;

namespace {

enum class object {
  link_to_file,
  link_to_nothing,
  link_to_itself,
  fifo,
  directory,
  socket,
  device
};

object any_object() {
  return GENERATE(object::link_to_file, object::link_to_nothing, object::link_to_itself,
                  object::fifo, object::directory, object::socket, object::device);
}

// False where this user may not make one.
bool make(object what, const fs::path& path) {
  switch (what) {
    case object::link_to_file:
      write_file(path.string() + ".target", "the bytes behind a link");
      fs::create_symlink(path.string() + ".target", path);
      return true;
    case object::link_to_nothing:
      fs::create_symlink(path.parent_path() / "nothing", path);
      return true;
    case object::link_to_itself:
      fs::create_symlink(path, path);
      return true;
    case object::fifo:
      return ::mkfifo(path.c_str(), 0600) == 0;
    case object::directory:
      return fs::create_directory(path);
    case object::socket:
    case object::device:
      break;
  }
  return ::mknod(path.c_str(), what == object::socket ? S_IFSOCK | 0600 : S_IFCHR | 0600,
                 ::makedev(1, 5)) == 0;
}

}  // namespace

TEST_CASE("a link, FIFO, directory, socket or device under a data file's name is not read") {
  machine host;
  process reader = host.start();
  const auto blob = reader->put("some bytes");
  const object what = any_object();
  if (!make(what, host.data_path(5))) {
    CHECK(what == object::device);
    return;
  }
  data_location where;
  where.file_number = 5;
  where.end = 10;
  CHECK(reader->get(where).error == errc::not_a_regular_file);
  CHECK(reader->get_in_coroutine(where).error == errc::not_a_regular_file);
  CHECK(reader->verify(5).error == errc::not_a_regular_file);
  CHECK(host.start([](options& how) { how.direct_io = true; })->get(where).error ==
        errc::not_a_regular_file);
  CHECK(reader->get(blob.value).value == "some bytes");
}

TEST_CASE(
    "a link, FIFO, directory, socket or device under a data file's name never stops the store") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  const object what = any_object();
  if (!make(what, host.data_path(5))) {
    CHECK(what == object::device);
    return;
  }
  // The highest regular file stays the mutable one, the next number lies above all names.
  CHECK(writer->put("more bytes").value.file_number == 0);
  CHECK(writer.events.count(event::kind::foreign_object) == 1);
  CHECK(writer->delete_file(5) == errc::not_a_regular_file);
  CHECK(writer->roll().value == 6);
  CHECK(writer->delete_before(6).value == 1);
  CHECK(writer.events.count(event::kind::foreign_object) == 1);
  const auto files = writer->files();
  REQUIRE(files.value.size() == 1);
  CHECK(files.value[0].number == 6);
  CHECK(fs::symlink_status(host.data_path(5)).type() != fs::file_type::not_found);
  // A store that never saw anything else.
  CHECK(host.start()->put("more bytes").value.file_number == 6);
}

TEST_CASE("a store whose only name is a foreign object begins above it") {
  machine host;
  fs::create_directory(host.how.data_directory);
  const object what = any_object();
  if (!make(what, host.data_path(5))) {
    CHECK(what == object::device);
    return;
  }
  CHECK(host.start()->put("some bytes").value.file_number == 6);
}

TEST_CASE("a link, FIFO, directory, socket or device under the lock's name is refused") {
  machine host;
  std::filesystem::create_directory(host.how.data_directory);
  const object what = any_object();
  if (!make(what, host.lock_path())) {
    CHECK(what == object::device);
    return;
  }
  try {
    host.start();
    FAIL("the store was opened");
  } catch (const std::system_error& refused) {
    CHECK(refused.code() == errc::not_a_regular_file);
  }
  // Readers need no lock.
  CHECK(host.start([](options& how) { how.read_only = true; })->files().value.empty());
}

TEST_CASE("a lock file that becomes something else under a running store is refused") {
  machine host;
  process writer = host.start();
  const auto blob = writer->put("some bytes");
  fs::rename(host.lock_path(), host.directory / "old");
  const object what = any_object();
  if (!make(what, host.lock_path())) {
    CHECK(what == object::device);
    return;
  }
  CHECK(writer->put("more bytes").error == errc::not_a_regular_file);
  CHECK(writer->get(blob.value).value == "some bytes");
  // And used again once it is a file.
  fs::remove(host.lock_path());
  CHECK(!writer->put("more bytes").error);
}

TEST_CASE("foreign names in the directory are ignored") {
  machine host;
  process writer = host.start();
  REQUIRE(!writer->put("some bytes").error);
  const std::vector<std::string> names{
      "notes.txt",          "data_7.dat",          "data_00000003.dat.bak",
      "data_0000000a.dat",  "data_-0000001.dat",   "data_00000004.DAT",
      "data_000000005.dat", "data_4294967296.dat", "data_99999999999.dat",
      "Data_00000006.dat",  "data_00000007",       "data_00000008.zst",
      ".data_00000009.dat", "data_ 0000010.dat",   "data_+0000011.dat",
      "data_.dat"};
  for (const std::string& name : names) write_file(host.how.data_directory / name, "foreign");
  CHECK(writer->files().value.size() == 1);
  CHECK(writer->put("more bytes").value.file_number == 0);
  CHECK(writer->roll().value == 1);
  CHECK(writer->delete_before(100).value == 1);
  for (const std::string& name : names)
    CHECK(read_file(host.how.data_directory / name) == "foreign");
  CHECK(host.start()->put("more bytes").value.file_number == 1);
}

TEST_CASE("a data directory that is a file is refused, one that is a link is followed") {
  machine host;
  write_file(host.how.data_directory, "no directory");
  CHECK_THROWS_AS(host.start(), std::system_error);
  fs::remove(host.how.data_directory);
  fs::create_directory(host.directory / "real");
  fs::create_directory_symlink(host.directory / "real", host.how.data_directory);
  CHECK(!host.start()->put("some bytes").error);
  CHECK(read_file(host.directory / "real" / "data_00000000.dat") == "some bytes");
}
