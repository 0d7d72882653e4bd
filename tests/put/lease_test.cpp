// A store that keeps the lock from put to put while puts keep coming, beside others who want it.
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "lock/lock_record.hpp"
#include "lock/waiting_mark.hpp"
#include "support/child_process.hpp"
#include "support/foreign_lock.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"
#include "support/thread_limit.hpp"

namespace conduit::test {
namespace {

// Nobody opens the lock file after this store: whoever does may be an original, which polls.
class leasing_store {
 public:
  explicit leasing_store(const store_fixture::change& adjust = {}) : how(options_in(directory)) {
    if (adjust) adjust(how);
    other.release();
    store.emplace(context, how, scripted(script));
  }

  // In handlers: runs until the lock is kept while a handler runs.
  asio::awaitable<data_location> put_until_kept() {
    data_location last;
    do {
      last = co_await put();
    } while (other.is_free());
    co_return last;
  }
  asio::awaitable<data_location> put() {
    return store->put(asio::buffer("something", 9), asio::use_awaitable);
  }
  lock::lock_record record() const {
    const std::string bytes = other.content();
    return lock::lock_record::decode(std::as_bytes(std::span(bytes))).value();
  }

  const temporary_directory directory;
  options how;
  foreign_lock other{directory / "store.lock"};
  const std::shared_ptr<disk_script> script = std::make_shared<disk_script>();
  asio::io_context context;
  std::optional<store_on_disk> store;
};

void durably(options& how) { how.durability = durability::fdatasync; }
void compressed(options& how) { how.compression = compression::zstd; }

}  // namespace

TEST_CASE("puts that follow each other take the lock for many of them at once") {
  leasing_store own(GENERATE(store_fixture::change(), store_fixture::change(compressed)));
  constexpr int puts = 2000;
  run(own.context, [](leasing_store& of) -> asio::awaitable<void> {
    co_await of.put_until_kept();
    of.script->forget_calls();
    for (int i = 0; i < puts; ++i) co_await of.put();
  }(own));
  CHECK(own.script->count(io_call::try_lock) < puts / 2);
  CHECK(own.other.is_free());
}

TEST_CASE("a handler may wait for another process that waits for the lock") {
  leasing_store own(GENERATE(store_fixture::change(), store_fixture::change(durably),
                             store_fixture::change(compressed)));
  run(own.context, [](leasing_store& of) -> asio::awaitable<void> {
    for (int i = 0; i < 10; ++i) {
      co_await of.put_until_kept();
      of.other.take();
      of.other.release();
      co_await of.put();
    }
  }(own));
}

TEST_CASE("the lock is left after every put while another process waits for it") {
  leasing_store own;
  run(own.context, [](leasing_store& of) -> asio::awaitable<void> {
    co_await of.put_until_kept();
    {
      const lock::waiting_mark mark(of.how.data_directory.string());
      // The store asks now and then.
      while (!of.other.is_free()) co_await of.put();
      for (int i = 0; i < 200; ++i) {
        co_await of.put();
        CHECK(of.other.is_free());
      }
    }
    co_await of.put_until_kept();
  }(own));
}

TEST_CASE("the lock is left after every put when an original, which polls, may have come") {
  leasing_store own;
  run(own.context, [](leasing_store& of) -> asio::awaitable<void> {
    co_await of.put_until_kept();
    foreign_lock original(of.directory / "store.lock");
    original.release();
    for (int i = 0; i < 100; ++i) {
      co_await of.put();
      CHECK(of.other.is_free());
    }
  }(own));
}

TEST_CASE("durable puts that keep the lock mark the record once, and clear it at the end") {
  leasing_store own(durably);
  constexpr std::size_t puts = 100;
  data_location last;
  run(own.context, [](leasing_store& of, data_location& put_last) -> asio::awaitable<void> {
    co_await of.put_until_kept();
    CHECK(of.record().syncing == 0U);
    of.script->forget_calls();
    for (std::size_t i = 0; i < puts; ++i) put_last = co_await of.put();
  }(own, last));
  std::size_t records = 0;
  for (const seen_call& call : own.script->calls())
    records += call.kind == io_call::write && call.file == "store.lock" ? 1U : 0U;
  CHECK(records < 2 * puts);
  CHECK_FALSE(own.record().syncing);
  CHECK(own.record().end == last.end);
}

TEST_CASE("the record that the watchman leaves names the end and no mark") {
  leasing_store own(durably);
  run(own.context, [](leasing_store& of) -> asio::awaitable<void> {
    const data_location last = co_await of.put_until_kept();
    of.other.take();
    CHECK_FALSE(of.record().syncing);
    CHECK(of.record().end == last.end);
    of.other.release();
  }(own));
}

TEST_CASE("the record names the end of a compressed put before its acknowledgement") {
  leasing_store own(compressed);
  run(own.context, [](leasing_store& of) -> asio::awaitable<void> {
    co_await of.put_until_kept();
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t before = of.record().end;
      co_await of.put();
      CHECK(of.record().end > before);
    }
  }(own));
}

TEST_CASE("a store that keeps the lock gives it back when its context is destroyed") {
  leasing_store own(durably);
  {
    asio::io_context context;
    const store_on_disk store(context, own.how, scripted(own.script));
    own.store.reset();
    bool kept = false;
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
          while (!kept) {
            co_await store.put(asio::buffer("something", 9), asio::use_awaitable);
            kept = !own.other.is_free();
          }
          context.stop();
        },
        asio::detached);
    context.run();
    REQUIRE(kept);
  }
  CHECK(own.other.is_free());
  CHECK_FALSE(own.record().syncing);
}

TEST_CASE("a child that is forked while the lock is kept does not keep it") {
  leasing_store own;
  run(own.context, [](leasing_store& of) -> asio::awaitable<void> {
    co_await of.put_until_kept();
    child_process child([] {
      while (true) ::pause();
      return 0;
    });
    co_await of.put();
    of.other.take();
    of.other.release();
    co_await of.put_until_kept();
    child.kill();
  }(own));
  CHECK(own.other.is_free());
}

TEST_CASE("a child may destroy the context of a writer whose handles the parent had dropped") {
  leasing_store own;
  auto context = std::make_unique<asio::io_context>();
  own.store.emplace(*context, own.how, scripted(own.script));
  asio::co_spawn(
      *context,
      [&]() -> asio::awaitable<void> {
        do {
          co_await own.put();
        } while (own.other.is_free());
        context->stop();
      },
      asio::detached);
  context->run();
  own.store.reset();
  CHECK(in_child([&] {
          ::alarm(10);
          context.reset();
          return 0;
        }) == 0);
  context.reset();
  CHECK(own.other.is_free());
}

TEST_CASE("a store without a thread for the watchman leaves the lock after every put") {
  const int status = in_child([] {
    leasing_store own;
    const thread_limit threads;
    threads.forbid();
    return run(own.context, [](leasing_store& of) -> asio::awaitable<int> {
      for (int i = 0; i < 200; ++i) {
        co_await of.put();
        if (!of.other.is_free()) co_return 1;
      }
      co_return 0;
    }(own));
  });
  CHECK(status == 0);
}

}  // namespace conduit::test
