// `close` beside calls of other threads: whatever was accepted has ended when it ends, and the rest
// is refused.
#include <asio/buffer.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/bytes.hpp"
#include "support/loop_threads.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

constexpr unsigned putters = 3;
constexpr unsigned puts_each = 3;
// Its checksum takes a while, between the first look whether the store is open and the queue.
constexpr std::size_t blob_bytes = 32U << 20;

struct counts {
  std::atomic<unsigned> begun{0};
  std::atomic<unsigned> stored{0};
  std::atomic<unsigned> refused{0};
  std::atomic<unsigned> late{0};  // stored, and told so after `close` had ended
  std::atomic<bool> closed{false};
};

void put_some(const flat_file_db& db, const std::string& bytes, counts& into) {
  for (unsigned i = 0; i < puts_each; ++i) {
    ++into.begun;
    db.put(asio::buffer(bytes), [&into](std::error_code error, data_location /*where*/) {
      if (!error && into.closed) ++into.late;
      if (!error) ++into.stored;
      if (error == errc::closed) ++into.refused;
    });
  }
}

}  // namespace

TEST_CASE("a put of another thread is stored before close ends, or refused") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U, 5U);
  CAPTURE(seed);
  std::mt19937 random(seed);
  store_fixture store;
  const std::string bytes = bytes_of(seed, blob_bytes);
  counts seen;
  {
    loop_threads loop(store.context);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < putters; ++i)
      threads.emplace_back([&] { put_some(store.db, bytes, seen); });
    const auto begun_before = 1 + random() % (putters * puts_each);
    while (seen.begun < begun_before) std::this_thread::yield();
    store.db.close([&seen](std::error_code /*none*/) { seen.closed = true; });
    for (std::thread& one : threads) one.join();
    loop.join();
  }
  CHECK(seen.closed);
  CHECK(seen.late == 0);
  CHECK(seen.stored + seen.refused == putters * puts_each);
}

}  // namespace conduit::test
