// Many threads: one context run by several, a context a thread through bind, and calls from threads
// that run no loop at all.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <conduit/flat_file_db.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/foreign_lock.hpp"
#include "support/loop_threads.hpp"
#include "support/outcome.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

constexpr std::size_t thread_count = 4;

// Puts blobs of its own and reads each back, whole and in part; the number of wrong answers.
asio::awaitable<unsigned> put_and_read(flat_file_db db, std::uint64_t seed, unsigned rounds) {
  unsigned wrong = 0;
  for (unsigned i = 0; i < rounds; ++i) {
    const std::string bytes = bytes_of(seed * 1'000'003 + i, 1 + (seed * 31 + i * 977) % 6000);
    const data_location location = co_await db.put(asio::buffer(bytes));
    const blob whole = co_await db.get(location);
    if (whole.text() != bytes) ++wrong;
    const slice middle{bytes.size() / 3, bytes.size() / 3 + (bytes.size() + 2) / 3};
    const blob part = co_await db.get_slice(location, middle);
    if (part.text() != std::string_view(bytes).substr(middle.start, middle.end - middle.start))
      ++wrong;
  }
  co_return wrong;
}

// Counts what coroutines on other threads found.
struct tally {
  std::atomic<unsigned> wrong{0};
  std::atomic<unsigned> failed{0};
  std::atomic<unsigned> ended{0};

  auto handler() {
    return [this](const std::exception_ptr& failure, unsigned wrong_answers) {
      if (failure) failed.fetch_add(1);
      wrong.fetch_add(wrong_answers);
      ended.fetch_add(1);
    };
  }
};

// A read against a timer that fires at about the same time; 1 where the bytes were wrong.
asio::awaitable<unsigned> race_reads(flat_file_db db, data_location location, std::string bytes,
                                     unsigned rounds) {
  unsigned wrong = 0;
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  for (unsigned i = 0; i < rounds; ++i) {
    timer.expires_after(std::chrono::microseconds(i % 40));
    const auto first = co_await (db.get(location) || timer.async_wait(asio::use_awaitable));
    if (first.index() == 0 && std::get<0>(first).text() != bytes) ++wrong;
  }
  co_return wrong;
}

asio::awaitable<unsigned> race_puts(flat_file_db db, std::uint64_t seed, unsigned rounds) {
  unsigned wrong = 0;
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  for (unsigned i = 0; i < rounds; ++i) {
    const std::string bytes = bytes_of(seed + i, 500);
    timer.expires_after(std::chrono::microseconds(i % 40));
    const auto first =
        co_await (db.put(asio::buffer(bytes)) || timer.async_wait(asio::use_awaitable));
    if (first.index() != 0) continue;
    const data_location location = std::get<0>(first);
    const blob back = co_await db.get(location);
    if (back.text() != bytes) ++wrong;
  }
  co_return wrong;
}

// Puts one after the other, and gets side by side, each begun by the handler of the one before
// until the time is over. The handler of a get is busy for a while.
class busy_crowd {
 public:
  explicit busy_crowd(const store_fixture::change& adjust)
      : store(adjust), known_(store.put(bytes_)) {}

  void start(unsigned gets, std::chrono::steady_clock::duration lasting) {
    end_ = std::chrono::steady_clock::now() + lasting;
    for (unsigned i = 0; i < gets; ++i) get();
    put();
  }

  std::atomic<unsigned> well{0};
  std::atomic<unsigned> wrong{0};

 private:
  const std::string bytes_ = bytes_of(21, 20'000);

 public:
  store_fixture store;  // after what its operations use

 private:
  bool is_over() const { return std::chrono::steady_clock::now() >= end_; }
  void get() {
    if (is_over()) return;
    store.db.get(known_, [this](std::error_code error, const blob& got) {
      (!error && got.text() == bytes_ ? well : wrong).fetch_add(1);
      const auto until = std::chrono::steady_clock::now() + 1ms;
      while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
      get();
    });
  }
  void put() {
    if (is_over()) return;
    store.db.put(asio::buffer(bytes_), [this](std::error_code error, data_location) {
      (error ? wrong : well).fetch_add(1);
      put();
    });
  }

  const data_location known_;
  std::chrono::steady_clock::time_point end_;
};

}  // namespace

TEST_CASE("one context run by four threads answers thousands of operations rightly") {
  store_fixture store([](options& how) { how.max_file_size = 1U << 20; });
  tally results;
  for (std::uint64_t seed = 0; seed < 32; ++seed) {
    asio::co_spawn(store.context, put_and_read(store.db, seed, 60), results.handler());
  }
  loop_threads(store.context, thread_count).join();
  CHECK(results.ended == 32);
  CHECK(results.failed == 0);
  CHECK(results.wrong == 0);
  CHECK(store.db.stats().puts == 32 * 60);
}

TEST_CASE("a context for each thread through bind answers thousands of operations rightly") {
  store_fixture store([](options& how) { how.max_file_size = 1U << 20; });
  tally results;
  {
    const loop_threads home(store.context);
    std::vector<std::thread> threads;
    for (std::uint64_t thread = 0; thread < thread_count; ++thread) {
      threads.emplace_back([&, thread] {
        asio::io_context own;
        const flat_file_db bound = store.db.bind(own);
        for (std::uint64_t i = 0; i < 8; ++i)
          asio::co_spawn(own, put_and_read(bound, thread * 8 + i, 50), results.handler());
        own.run();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  CHECK(results.ended == thread_count * 8);
  CHECK(results.failed == 0);
  CHECK(results.wrong == 0);
  CHECK(store.db.stats().puts == thread_count * 8 * 50);
}

TEST_CASE("the writer ends and starts again all the time while four threads run its context") {
  store_fixture store;
  tally results;
  {
    loop_threads home(store.context, thread_count);
    // One put at a time from each: the queue runs empty after every batch.
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      threads.emplace_back([&, seed] {
        for (unsigned i = 0; i < 400; ++i) {
          const std::string bytes = bytes_of(seed * 1000 + i, 64);
          const data_location location = store.db.put(asio::buffer(bytes), asio::use_future).get();
          if (store.db.get(location, asio::use_future).get().text() != bytes)
            results.wrong.fetch_add(1);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  CHECK(results.wrong == 0);
  CHECK(store.db.stats().puts == 1200);
}

TEST_CASE("durable puts end well beside gets whose handlers keep four threads busy") {
  const auto form = GENERATE(compression::none, compression::zstd);
  busy_crowd all([form](options& how) {
    how.compression = form;
    how.durability = durability::fdatasync;
  });
  all.start(60, 700ms);
  loop_threads(all.store.context, thread_count).join();
  CHECK(all.wrong == 0);
  CHECK(all.well > 60);
  CHECK(all.store.db.stats().puts > 1);
}

TEST_CASE("coroutines on strands of a context with four threads may race reads against timers") {
  store_fixture store;
  const std::string bytes = bytes_of(11, 3000);
  const data_location location = store.put(bytes);
  tally results;
  for (unsigned i = 0; i < 8; ++i) {
    asio::co_spawn(asio::make_strand(store.context), race_reads(store.db, location, bytes, 300),
                   results.handler());
  }
  loop_threads(store.context, thread_count).join();
  CHECK(results.ended == 8);
  CHECK(results.failed == 0);
  CHECK(results.wrong == 0);
}

TEST_CASE("coroutines on strands of a context with four threads may race puts against timers") {
  store_fixture store;
  tally results;
  for (unsigned i = 0; i < 8; ++i) {
    asio::co_spawn(asio::make_strand(store.context), race_puts(store.db, 7000 + 1000 * i, 200),
                   results.handler());
  }
  loop_threads(store.context, thread_count).join();
  CHECK(results.ended == 8);
  CHECK(results.failed == 0);
  CHECK(results.wrong == 0);
}

TEST_CASE("a put may be begun and cancelled by a thread that runs no loop") {
  store_fixture store;
  store.put("the first");
  foreign_lock other_process(store.lock_path());
  const loop_threads home(store.context, 2);
  unsigned aborted = 0;
  for (int i = 0; i < 50; ++i) {
    asio::cancellation_signal signal;
    const auto ended = std::make_shared<std::promise<std::error_code>>();
    store.db.put(
        asio::buffer("never stored", 12),
        asio::bind_cancellation_slot(signal.slot(), [ended](std::error_code error, data_location) {
          ended->set_value(error);
        }));
    signal.emit(asio::cancellation_type::terminal);
    if (ended->get_future().get() == asio::error::operation_aborted) ++aborted;
  }
  CHECK(aborted == 50);
  other_process.release();
}

}  // namespace conduit::test
