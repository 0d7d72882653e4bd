// open in its three forms, read-only stores, and options that make no sense.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "lock/lock_record.hpp"
#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

namespace fs = std::filesystem;

std::error_code open_error(const options& how) {
  asio::io_context context;
  std::error_code error = errc::locked;
  const flat_file_db db = flat_file_db::open(context, how, error);
  if (db.is_open() == static_cast<bool>(error))
    return std::make_error_code(std::errc::state_not_recoverable);
  return error;
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("a directory that its creator left unfinished is made anew, and keeps the record") {
  temporary_directory directory;
  fs::create_directory(directory / "store");
  const unique_fd left(::open((directory / "store").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  // The mark stands behind the record, whatever that is.
  const std::string record(lock::lock_record::encoded_size, 'r');
  write_file(directory / "store.lock", record + '\0');
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, options_in(directory));
  struct stat found{};
  REQUIRE(::fstat(left.get(), &found) == 0);
  CHECK(found.st_nlink == 0);
  CHECK(fs::is_directory(directory / "store"));
  CHECK(read_file(directory / "store.lock") == record);
}

TEST_CASE("an empty store without that mark is taken as it is, and its lock file too") {
  temporary_directory directory;
  fs::create_directory(directory / "store");
  write_file(directory / "store.lock", "");
  const unique_fd present(::open((directory / "store").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, options_in(directory));
  struct stat found{};
  REQUIRE(::fstat(present.get(), &found) == 0);
  CHECK(found.st_nlink != 0);
  CHECK(read_file(directory / "store.lock").empty());
}

TEST_CASE("open does not wait for whoever has the lock of a store without files") {
  temporary_directory directory;
  fs::create_directory(directory / "store");
  write_file(directory / "store.lock", "");
  const foreign_lock held(directory / "store.lock");
  asio::io_context context;
  CHECK(flat_file_db::open(context, options_in(directory)).is_open());
}

TEST_CASE("open refuses a directory that somebody else does not come to the end of making") {
  temporary_directory directory;
  fs::create_directory(directory / "store");
  write_file(directory / "store.lock", std::string(lock::lock_record::encoded_size + 1, '\0'));
  const foreign_lock held(directory / "store.lock");
  asio::io_context context;
  std::error_code error;
  CHECK_FALSE(flat_file_db::open(context, options_in(directory), error).is_open());
  CHECK(error == errc::locked);
}

TEST_CASE("to those that make nothing, a directory that is still being made is not there yet") {
  temporary_directory directory;
  fs::create_directory(directory / "store");
  write_file(directory / "store.lock", std::string(lock::lock_record::encoded_size + 1, '\0'));
  options how = options_in(directory);
  how.read_only = GENERATE(false, true);
  how.create = false;
  CHECK(open_error(how) == std::errc::no_such_file_or_directory);
  // Once something stands in it, it is used already.
  write_file(directory / "store" / "data_00000000.dat", "bytes");
  CHECK_FALSE(open_error(how));
}

TEST_CASE("open creates the directory and a lock file beside it and no data file") {
  temporary_directory directory;
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, options_in(directory));
  CHECK(db.is_open());
  CHECK(db.get_executor() == context.get_executor());
  CHECK(names_in(directory.path()) == std::vector<std::string>{"store", "store.lock"});
  CHECK(names_in(directory / "store").empty());
  CHECK(run(context, db.files()).empty());
}

TEST_CASE("the first put creates the first file with the mode that was asked for") {
  store_fixture store([](options& how) { how.file_mode = 0640; });
  const data_location location = store.put("something");
  CHECK(location.file_number == 0);
  CHECK(location.start == 0);
  struct stat found{};
  REQUIRE(::stat(store.data_path(0).c_str(), &found) == 0);
  CHECK((found.st_mode & 0777U) == 0640U);
  CHECK(names_in(store.how.data_directory) == std::vector<std::string>{"data_00000000.dat"});
}

TEST_CASE("open takes a lock path elsewhere") {
  temporary_directory directory;
  options how = options_in(directory);
  how.lock_path = directory / "elsewhere.lock";
  asio::io_context context;
  const flat_file_db db = flat_file_db::open(context, how);
  run(context, db.put(asio::buffer("something", 9)));
  CHECK(names_in(directory.path()) == std::vector<std::string>{"elsewhere.lock", "store"});
}

TEST_CASE("a path with a trailing slash or a detour means the same store and the same lock") {
  temporary_directory directory;
  fs::create_directory(directory / "other");
  options how = options_in(directory);
  asio::io_context context;
  const flat_file_db first = flat_file_db::open(context, how);
  const data_location location = run(context, first.put(asio::buffer("something", 9)));
  for (const std::string detour :
       {"store/", "store//", "./store", "other/../store", "other/../store/."}) {
    CAPTURE(detour);
    how.data_directory = directory.path().string() + "/" + detour;
    const flat_file_db second = flat_file_db::open(context, how);
    CHECK(run(context, second.get(location)).text() == "something");
    CHECK(names_in(directory.path()) == std::vector<std::string>{"other", "store", "store.lock"});
  }
}

TEST_CASE("open without create needs a store that is there") {
  temporary_directory directory;
  options how = options_in(directory);
  how.create = false;
  CHECK(open_error(how) == std::errc::no_such_file_or_directory);
  CHECK(names_in(directory.path()).empty());
  fs::create_directory(directory / "store");
  CHECK(open_error(how) == std::errc::no_such_file_or_directory);  // the lock file
  CHECK(names_in(directory.path()) == std::vector<std::string>{"store"});
  how.create = true;
  CHECK_FALSE(open_error(how));
  how.create = false;
  CHECK_FALSE(open_error(how));
}

TEST_CASE("a read-only store reads and refuses everything else") {
  store_fixture store;
  const data_location location = store.put("something");
  store.roll();
  const foreign_lock other_process(store.lock_path());  // nothing here waits for it
  const auto before = names_in(store.how.data_directory);
  store.reopen([](options& how) { how.read_only = true; });
  CHECK(store.get(location) == "something");
  CHECK(store.files().size() == 2);
  CHECK(store.run(store.db.verify(location.file_number)).bytes == 9);
  CHECK(store.error_of(store.db.put(asio::buffer("x", 1))) == errc::read_only);
  CHECK(store.error_of(store.db.put_many({})) == errc::read_only);
  CHECK(store.error_of(store.db.roll()) == errc::read_only);
  CHECK(store.error_of(store.db.delete_file(location.file_number)) == errc::read_only);
  CHECK(store.error_of(store.db.delete_before(100)) == errc::read_only);
  CHECK_FALSE(store.error_of(store.db.sync()));
  asio::io_context other;
  const flat_file_db bound = store.db.bind(other);
  CHECK(run(other, bound.get(location)).text() == "something");
  CHECK(error_of(other, bound.put(asio::buffer("x", 1))) == errc::read_only);
  CHECK_FALSE(store.error_of(store.db.close()));
  CHECK(store.error_of(store.db.get(location)) == errc::closed);
  CHECK(names_in(store.how.data_directory) == before);
}

TEST_CASE("a read-only store creates nothing") {
  temporary_directory directory;
  options how = options_in(directory);
  how.read_only = true;
  CHECK(open_error(how) == std::errc::no_such_file_or_directory);
  CHECK(names_in(directory.path()).empty());
  fs::create_directory(directory / "store");
  CHECK_FALSE(open_error(how));
  CHECK(names_in(directory.path()) == std::vector<std::string>{"store"});
}

TEST_CASE("options that make no sense are refused before anything is created") {
  temporary_directory directory;
  const std::vector<std::pair<store_fixture::change, std::error_code>> wrong{
      {[](options& how) { how.data_directory.clear(); }, errc::bad_options},
      {[](options& how) { how.max_file_size = 0; }, errc::bad_options},
      {[](options& how) { how.batch_bytes = 0; }, errc::bad_options},
      {[](options& how) { how.pending_put_bytes = 0; }, errc::bad_options},
      {[](options& how) { how.io_threads = 0; }, errc::bad_options},
      {[](options& how) { how.open_files = 0; }, errc::bad_options},
      {[](options& how) { how.file_mode = 0; }, errc::bad_options},
      {[](options& how) { how.file_mode = 01000; }, errc::bad_options},
  };
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    CAPTURE(i);
    options how = options_in(directory);
    wrong[i].first(how);
    CHECK(open_error(how) == wrong[i].second);
    asio::io_context context;
    CHECK_THROWS_AS(flat_file_db::open(context, how), std::system_error);
  }
  CHECK(names_in(directory.path()).empty());
}

TEST_CASE("something else under the directory's or the lock's name is refused") {
  temporary_directory directory;
  write_file(directory / "file", "");
  ::mkfifo((directory / "fifo").c_str(), 0600);
  fs::create_directory(directory / "directory");
  fs::create_symlink(directory / "file", directory / "link");
  options how = options_in(directory);
  how.data_directory = directory / "file";
  CHECK(open_error(how) == std::errc::not_a_directory);
  how.data_directory = directory / "fifo";
  CHECK(open_error(how) == std::errc::not_a_directory);
  how.data_directory = directory / "missing" / "store";
  CHECK(open_error(how) == std::errc::no_such_file_or_directory);
  how = options_in(directory);
  for (const char* name : {"fifo", "directory", "link"}) {
    CAPTURE(name);
    how.lock_path = directory / name;
    CHECK(open_error(how) == errc::not_a_regular_file);
  }
}

TEST_CASE("a failed open leaves the context usable for the next one") {
  temporary_directory directory;
  asio::io_context context;
  options how = options_in(directory);
  how.create = false;
  std::error_code error;
  flat_file_db db = flat_file_db::open(context, how, error);
  CHECK(error);
  CHECK_FALSE(db.is_open());
  how.create = true;
  db = flat_file_db::open(context, how, error);
  CHECK_FALSE(error);
  const data_location location = run(context, db.put(asio::buffer("something", 9)));
  CHECK(run(context, db.get(location)).text() == "something");
}

TEST_CASE("the event sink hears which backend was chosen and that a file was begun") {
  std::mutex mutex;
  std::vector<event> heard;
  store_fixture store([&](options& how) {
    how.on_event = [&](const event& news) {
      const std::lock_guard hold(mutex);
      heard.push_back(news);
    };
  });
  store.put("something");
  store.roll();
  const std::lock_guard hold(mutex);
  REQUIRE(heard.size() == 3);
  CHECK(heard[0].what == event::kind::backend_chosen);
  CHECK(heard[0].message.find(store.db.stats().backend_reason) != std::string::npos);
  CHECK(heard[1].what == event::kind::file_begun);
  CHECK(heard[1].file_number == 0);
  CHECK(heard[2].what == event::kind::file_begun);
  CHECK(heard[2].message.find("data_00000001.dat") != std::string::npos);
}

TEST_CASE("an empty handle is closed and may be assigned") {
  flat_file_db db;
  CHECK_FALSE(db.is_open());
  store_fixture store;
  db = store.db;
  CHECK(db.is_open());
  CHECK(run(store.context, db.files()).empty());
}

TEST_CASE("a file system that is not known to be local is refused, unless it is asked for") {
  temporary_directory directory;
  options how = options_in(directory);
  how.allow_network = false;
  how.read_only = true;
  how.create = false;
  // No disk's: whether locks on it reach everybody, nobody can tell.
  how.data_directory = "/proc/self/fdinfo";
  how.lock_path = directory / "store.lock";
  CHECK(open_error(how) == errc::unsupported_file_system);
  how.allow_network = true;
  CHECK_FALSE(open_error(how));
  asio::io_context context;
  how.allow_network = false;
  CHECK_THROWS_WITH(flat_file_db::open(context, how),
                    Catch::Contains("/proc/self/fdinfo") && Catch::Contains("allow_network"));
  how = options_in(directory);
  how.allow_network = false;
  how.lock_path = "/proc/self/fdinfo/store.lock";
  CHECK(open_error(how) == errc::unsupported_file_system);
}

}  // namespace conduit::test
