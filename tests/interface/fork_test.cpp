// A store that was open when the process forked: unusable in the child, untouched in the parent.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/child_process.hpp"
#include "support/descriptors.hpp"
#include "support/foreign_lock.hpp"
#include "support/outcome.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

TEST_CASE("a child uses no store of its parent") {
  store_fixture store;
  const data_location known = store.put("something");
  store.roll();
  blob_reader reader = store.db.open_reader(known);
  const int status = in_child([&] {
    // Which call did what it must not, counted from 1.
    std::string into(9, '\0');
    if (store.error_of(store.db.put(asio::buffer("x", 1))) != errc::forked) return 1;
    if (store.error_of(store.db.put_many({asio::buffer("x", 1)})) != errc::forked) return 2;
    if (store.error_of(store.db.get(known)) != errc::forked) return 3;
    if (store.error_of(store.db.get_slice(known, {1, 2})) != errc::forked) return 4;
    if (store.error_of(store.db.get_into(known, {}, asio::buffer(into))) != errc::forked) return 5;
    if (store.error_of(store.db.sync()) != errc::forked) return 6;
    if (store.error_of(store.db.roll()) != errc::forked) return 7;
    if (store.error_of(store.db.delete_file(known.file_number)) != errc::forked) return 8;
    if (store.error_of(store.db.delete_before(100)) != errc::forked) return 9;
    if (store.error_of(store.db.files()) != errc::forked) return 10;
    if (store.error_of(store.db.verify(known.file_number)) != errc::forked) return 11;
    if (store.error_of(store.db.close()) != errc::forked) return 12;
    outcome<blob> get;
    store.db.get(known, get.handler());
    run_dry(store.context);
    if (get.error != errc::forked) return 13;
    if (store.error_of(store.db.get_many({{known, {}}})) != errc::forked) return 14;
    if (store.error_of(store.db.pin(known)) != errc::forked) return 15;
    if (store.error_of(reader.async_read_some(asio::buffer(into))) != errc::forked) return 16;
    return 0;
  });
  CHECK(status == 0);
  CHECK(store.get(known) == "something");
  CHECK(store.get(store.put("the next")) == "the next");
  CHECK(store.files().size() == 2);
}

TEST_CASE("a child may let go of its parent's store, which waits for no thread that is not there") {
  store_fixture store([](options& how) {
    how.compression = GENERATE(compression::zstd, compression::zstd_on_seal);
    how.backend = backend_under_test();
  });
  const std::string bytes(200'000, 'x');
  const data_location known = store.put(bytes);
  store.roll();
  CHECK(store.get(known) == bytes);  // all threads of the store run now
  blob_reader reader = store.db.open_reader(known);
  std::string part(1'000, '\0');
  store.run(reader.async_read_some(asio::buffer(part)));  // and perhaps it reads ahead
  const int status = in_child([&] {
    reader = {};
    store.db = {};
    return 0;
  });
  CHECK(status == 0);
  CHECK(store.get(known) == bytes);
}

TEST_CASE("a child of a child uses no store either") {
  store_fixture store;
  const data_location known = store.put("something");
  const int status = in_child([&] {
    return in_child([&] { return store.error_of(store.db.get(known)) == errc::forked ? 0 : 1; });
  });
  CHECK(status == 0);
}

TEST_CASE("a child may open the store for itself") {
  store_fixture store;
  const data_location known = store.put("something");
  const int status = in_child([&] {
    asio::io_context context;
    const flat_file_db db = flat_file_db::open(context, store.how);
    if (run(context, db.get(known)).text() != "something") return 1;
    const data_location mine = run(context, db.put(asio::buffer("of the child", 12)));
    return mine.start == known.end ? 0 : 2;
  });
  CHECK(status == 0);
  CHECK(store.get({known.file_number, 0, known.end, known.end + 12}) == "of the child");
  CHECK(store.put("of the parent").start == known.end + 12);
}

TEST_CASE("a child holds no descriptor of the lock file") {
  store_fixture store;
  store.put("something");
  // After a wait for another process too, which had the descriptor.
  {
    foreign_lock other_process(store.lock_path());
    outcome<data_location> put;
    store.db.put(asio::buffer("x", 1), put.handler());
    store.context.restart();
    while (!lock_is_waited_for(store.lock_path())) store.context.poll_one();
    other_process.release();
    store.context.run();
    CHECK(put.well());
  }
  CHECK(descriptors_of(store.lock_path()) == 1);
  CHECK(in_child([&] { return descriptors_of(store.lock_path()); }) == 0);
}

TEST_CASE("a child that lives on does not keep the lock that its parent held when it forked") {
  temporary_directory directory;
  const auto script = std::make_shared<disk_script>();
  const options how = options_in(directory);
  const std::filesystem::path lock_path = how.data_directory.string() + ".lock";
  asio::io_context context;
  const store_on_disk store(context, how, scripted(script));
  std::unique_ptr<child_process> child;
  bool held = false;
  // An inline write happens on this thread, under the lock.
  script->before(io_call::write, [&](const seen_call&) {
    if (child) return;
    held = !lock_is_free(lock_path);
    child = std::make_unique<child_process>([] {
      ::raise(SIGSTOP);
      return 0;
    });
  });
  run(context, store.put(asio::buffer("something", 9), asio::use_awaitable));
  CHECK(held);
  CHECK(lock_is_free(lock_path));
}

TEST_CASE("a child of a holder that is killed does not keep the lock") {
  temporary_directory directory;
  const options how = options_in(directory);
  const std::filesystem::path lock_path = how.data_directory.string() + ".lock";
  // The grandchild lives until the test has closed its end.
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const unique_fd lives(ends[0]);
  unique_fd ours(ends[1]);
  child_process holder([&] {
    const auto script = std::make_shared<disk_script>();
    asio::io_context context;
    const store_on_disk store(context, how, scripted(script));
    run(context, store.roll(asio::use_awaitable));
    script->before(io_call::write, [&](const seen_call&) {
      if (::fork() == 0) {
        ours.reset();
        char end = 0;
        const ssize_t none = ::read(lives.get(), &end, 1);
        ::_exit(static_cast<int>(none));
      }
      ::kill(::getpid(), SIGKILL);
    });
    run(context, store.put(asio::buffer("something", 9), asio::use_awaitable));
    return 0;
  });
  CHECK(holder.wait() == 128 + SIGKILL);
  // The grandchild lives on; its lock went with the first thing it did.
  while (!lock_is_free(lock_path)) std::this_thread::yield();
  CHECK(lock_is_free(lock_path));
}

TEST_CASE("a fork while reads and puts are under way disturbs none of them") {
  store_fixture store;
  const std::string bytes = bytes_of(1, 2U << 20);
  const data_location known = store.put(bytes);
  std::vector<outcome<blob>> gets(8);
  std::vector<outcome<data_location>> puts(8);
  for (auto& get : gets) store.db.get(known, get.handler());
  for (auto& put : puts) store.db.put(asio::buffer(bytes), put.handler());
  store.context.restart();
  for (int i = 0; i < 20; ++i) {
    store.context.poll_one();
    REQUIRE(in_child([] { return 0; }) == 0);
  }
  store.context.run();
  for (auto& get : gets) {
    REQUIRE(get.well());
    REQUIRE(get.value().text() == bytes);
  }
  for (auto& put : puts) {
    REQUIRE(put.well());
    REQUIRE(store.get(put.value()) == bytes);
  }
}

}  // namespace conduit::test
