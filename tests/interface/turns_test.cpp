// What one turn of the loop may do: few handlers, so that other threads, timers and `stop` are
// heard.
#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "io/deliver.hpp"
#include "io/posted_turns.hpp"
#include "support/loop_threads.hpp"
#include "support/moment.hpp"
#include "support/sanitizers.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

using namespace std::chrono_literals;

enum class kind : std::uint8_t { put, get, files };

// Starts `count` calls of one kind, each of which ends in `ended`.
void start_many(store_fixture& store, kind what, std::size_t count,
                const std::function<void()>& ended) {
  static const std::string bytes = bytes_of(1, 100);
  const data_location known = store.put(bytes);
  auto handler = [ended](std::error_code error, auto&&... /*results*/) {
    if (error) throw std::system_error(error);
    ended();
  };
  for (std::size_t i = 0; i < count; ++i) {
    if (what == kind::put) store.db.put(asio::buffer(bytes), handler);
    if (what == kind::get) store.db.get(known, handler);
    if (what == kind::files) store.db.files(handler);
  }
  store.context.restart();
}

}  // namespace

TEST_CASE("one turn of the loop runs few handlers, whatever has ended meanwhile") {
  const auto what = GENERATE(kind::put, kind::get, kind::files);
  const auto form = GENERATE(compression::none, compression::zstd);
  const auto wanted = GENERATE(durability::none, durability::fdatasync);
  store_fixture store([&](options& how) {
    how.compression = form;
    how.durability = wanted;
  });
  unsigned run = 0;
  unsigned most = 0;
  start_many(store, what, 300, [&] { ++run; });
  for (unsigned before = 0; store.context.run_one() != 0; before = run)
    most = std::max(most, run - before);
  CHECK(run == 300);
  CHECK(most <= io::handlers_a_turn);
}

TEST_CASE("other handlers of the context come in between a few turns") {
  constexpr unsigned count = 2'000;
  const auto what = GENERATE(kind::put, kind::get, kind::files);
  store_fixture store;
  unsigned run = 0;
  unsigned before = 0;
  unsigned most = 0;
  start_many(store, what, count, [&] { ++run; });
  std::function<void()> other = [&] {
    most = std::max(most, run - before);
    before = run;
    if (run < count) asio::post(store.context, other);
  };
  asio::post(store.context, other);
  store.context.run();
  CHECK(run == count);
  // The engine's turns, and those that bring home what other threads did.
  CHECK(most <= 2 * io::turns_ahead_max * io::handlers_a_turn);
}

TEST_CASE("after stop no more handlers run than one turn has") {
  const auto what = GENERATE(kind::put, kind::get, kind::files);
  store_fixture store;
  unsigned run = 0;
  start_many(store, what, 300, [&] {
    if (++run == 1) store.context.stop();
  });
  store.context.run();
  CHECK(run <= io::handlers_a_turn);
  store.context.restart();
  store.context.run();
  CHECK(run == 300);
}

TEST_CASE("handlers that one batch delivers run on all threads of the context") {
  const auto what = GENERATE(kind::put, kind::get, kind::files);
  store_fixture store;
  std::atomic<unsigned> begun{0};
  moment second_began;
  std::atomic<bool> alone{false};
  start_many(store, what, 40, [&] {
    // The first one lasts until another thread runs one too.
    if (begun.fetch_add(1) == 0) {
      if (!second_began.wait_for(10s)) alone = true;
    } else {
      second_began.reach();
    }
  });
  loop_threads(store.context, 4).join();
  CHECK(begun == 40);
  CHECK_FALSE(alone);
}

TEST_CASE("a timer is on time beside a million pending reads") {
  const std::size_t count = sanitized ? 50'000 : 1'000'000;
  const auto bound = backend_under_test() == backend::io_uring ? 5ms : 10ms;
  store_fixture store;
  std::size_t run = 0;
  start_many(store, kind::get, count, [&] { ++run; });
  // The machine has other work: one of some timers has to be on time.
  auto least = std::chrono::steady_clock::duration::max();
  std::size_t run_before_last = 0;
  for (int i = 0; i < 5; ++i) {
    asio::steady_timer timer(store.context, 1ms);
    bool rung = false;
    timer.async_wait([&](std::error_code) {
      rung = true;
      run_before_last = run;
      least = std::min(least, std::chrono::steady_clock::now() - timer.expiry());
    });
    while (!rung) store.context.run_one();
  }
  CHECK(run_before_last < count);
  CHECK(least <= bound);
  store.context.run();
  CHECK(run == count);
}

}  // namespace conduit::test
