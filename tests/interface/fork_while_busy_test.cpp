// A child that inherits a store with operations pending.
#include <asio/any_io_executor.hpp>
#include <asio/bind_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/strand.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/child_process.hpp"
#include "support/descriptors.hpp"
#include "support/loop_threads.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {

namespace {

// A child that hangs is ended by a signal, which is a failure that names itself.
int in_child_in_time(const std::function<int()>& body) {
  return in_child([&] {
    ::alarm(30);
    return body();
  });
}

// A store on a context that can be destroyed before the test ends, with reads and puts pending.
struct busy_store {
  explicit busy_store(durability wanted) : how(options_in(directory)) {
    how.durability = wanted;
    context = std::make_unique<asio::io_context>();
    db = flat_file_db::open(*context, how);
    known = run(*context, db.put(asio::buffer(bytes)));
    start_more();
  }
  void start_more() {
    context->restart();
    for (int i = 0; i < 50; ++i) {
      ++started;
      db.get(known, [this](std::error_code error, const blob& got) {
        count(!error && got.text() == bytes);
      });
      ++started;
      db.put(asio::buffer(bytes), [this](std::error_code error, data_location) { count(!error); });
      ++started;
      // On an executor of its own, through which the handler is posted.
      db.get({known.file_number + 1000, 0, 0, 1},
             asio::bind_executor(asio::any_io_executor(asio::make_strand(*context)),
                                 [this](std::error_code error, const blob&) {
                                   count(error == errc::no_such_file);
                                 }));
    }
    ++started;
    db.files([this](std::error_code error, const std::vector<file_info>&) { count(!error); });
    ++started;
    db.sync([this](std::error_code error) { count(!error); });
  }
  void count(bool right) {
    ++ended;
    if (!right) ++wrong;
  }

  temporary_directory directory;
  options how;
  const std::string bytes = bytes_of(1, 300'000);
  std::unique_ptr<asio::io_context> context;
  flat_file_db db;
  data_location known;
  int started = 0;
  std::atomic<int> ended{0};
  std::atomic<int> wrong{0};
};

}  // namespace

TEST_CASE("a child delivers none of its parent's operations, and the parent delivers all") {
  busy_store store(GENERATE(durability::none, durability::fdatasync));
  for (int turn = 0; turn < 12; ++turn) {
    const int before = store.ended;
    store.context->notify_fork(asio::io_context::fork_prepare);
    CHECK(in_child_in_time([&] {
            store.context->notify_fork(asio::io_context::fork_child);
            store.context->poll();
            return store.ended - before;
          }) == 0);
    store.context->notify_fork(asio::io_context::fork_parent);
    store.context->run_one();
  }
  store.context->run();
  CHECK(store.ended == store.started);
  CHECK(store.wrong == 0);
}

TEST_CASE("a handler that forks is the last that runs in the child") {
  busy_store store(durability::none);
  const bool puts = GENERATE(false, true);
  int ran = 0;
  int ran_at_fork = 0;
  pid_t child = -1;
  for (int i = 0; i < 10; ++i) {
    auto handler = [&](std::error_code error, const auto&) {
      CHECK(!error);
      if (++ran != 1) return;
      ran_at_fork = store.ended + ran;
      child = ::fork();
    };
    puts ? store.db.put(asio::buffer("bytes", 5), handler) : store.db.get(store.known, handler);
  }
  while (ran == 0) store.context->run_one();
  if (child == 0) {
    ::alarm(30);  // a child that hangs
    store.context->poll();
    ::_exit(store.ended + ran - ran_at_fork);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  store.context->run();
  CHECK(ran == 10);
  CHECK(store.ended == store.started);
}

TEST_CASE(
    "a child that destroys the inherited context leaves the parent's pending operations alone") {
  busy_store store(GENERATE(durability::none, durability::fdatasync));
  const bool told = GENERATE(false, true);
  for (int turn = 0; turn < 12; ++turn) {
    if (told) store.context->notify_fork(asio::io_context::fork_prepare);
    CHECK(in_child_in_time([&] {
            if (told) store.context->notify_fork(asio::io_context::fork_child);
            const int before = store.ended;
            store.db = {};
            store.context.reset();
            return store.ended - before;
          }) == 0);
    if (told) store.context->notify_fork(asio::io_context::fork_parent);
    store.context->run_one();
  }
  store.context->run();
  CHECK(store.ended == store.started);
  store.start_more();
  store.context->run();
  CHECK(store.ended == store.started);
  CHECK(store.wrong == 0);
}

TEST_CASE("a child's own calls end as forked on a loop with operations of its parent pending") {
  busy_store store(GENERATE(durability::none, durability::fdatasync));
  for (int turn = 0; turn < 6; ++turn) {
    store.context->notify_fork(asio::io_context::fork_prepare);
    CHECK(in_child_in_time([&] {
            store.context->notify_fork(asio::io_context::fork_child);
            std::error_code get;
            std::error_code put;
            store.db.get(store.known, [&](std::error_code error, const blob&) { get = error; });
            store.db.put(asio::buffer(store.bytes),
                         [&](std::error_code error, data_location) { put = error; });
            while (!get || !put) store.context->run_one();
            if (get != errc::forked || put != errc::forked) return 1;
            return store.db.stats().puts == 0 ? 0 : 2;
          }) == 0);
    store.context->notify_fork(asio::io_context::fork_parent);
    store.context->run_one();
  }
  store.context->run();
  CHECK(store.ended == store.started);
  CHECK(store.wrong == 0);
}

TEST_CASE(
    "a child opens stores on contexts of its own and on no inherited one that served a store") {
  busy_store store(durability::none);
  CHECK(in_child_in_time([&] {
          std::error_code refused;
          options how = store.how;
          static_cast<void>(flat_file_db::open(*store.context, how, refused));
          if (refused != errc::forked) return 1;
          asio::io_context own;
          try {
            static_cast<void>(store.db.bind(own));
            return 2;
          } catch (const std::system_error& error) {
            if (error.code() != errc::forked) return 3;
          }
          const flat_file_db db = flat_file_db::open(own, how);
          return run(own, db.get(store.known)).text() == store.bytes ? 0 : 4;
        }) == 0);
  store.context->run();
  CHECK(store.ended == store.started);
}

TEST_CASE(
    "a child destroys everything at once, whatever locks the parent's threads held at the fork") {
  busy_store store(durability::none);
  std::atomic<bool> stop{false};
  std::atomic<int> started{0};
  std::atomic<int> called{0};
  {
    // Two threads run the loop, and a third one starts operations all the time: at a fork some of
    // them hold locks.
    const loop_threads loops(*store.context, 2);
    std::thread starter([&] {
      while (!stop) {
        if (started - called > 500) {
          std::this_thread::yield();
          continue;
        }
        started += 2;
        store.db.get(store.known, [&](std::error_code, const blob&) { ++called; });
        store.db.put(asio::buffer("some bytes", 10),
                     [&](std::error_code, data_location) { ++called; });
      }
    });
    for (int i = 0; i < 100; ++i) {
      CHECK(in_child_in_time([&] {
              store.db = {};
              return 0;
            }) == 0);
    }
    stop = true;
    starter.join();
  }
  CHECK(called == started);
  CHECK(store.ended == store.started);
  CHECK(store.wrong == 0);
}

TEST_CASE("a child gives the lock's descriptors away though it may have no descriptor more") {
  store_fixture store;
  store.put("something");
  rlimit whole{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &whole) == 0);
  CHECK(in_child_in_time([&] {
          rlimit few = whole;
          few.rlim_cur = 64;
          if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 1;
          while (::dup(0) >= 0) {
          }
          return in_child([&] { return descriptors_of(store.lock_path()); });
        }) == 0);
}

}  // namespace conduit::test
