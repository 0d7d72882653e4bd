// The reads that the threads of the pool and the loops' threads share.
#include "store/decode_queue.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <latch>
#include <vector>

#include "support/child_process.hpp"
#include "support/thread_limit.hpp"

namespace conduit::test {

namespace {

using detail::completion;
using detail::decode_queue;

// Reads whose decoding waits until the test lets it go on.
struct held_read final : completion {
  void complete() override {}
  void drop() noexcept override {}

  static void decode(completion& self) noexcept {
    auto& read = static_cast<held_read&>(self);
    read.begun.count_down();
    read.released.wait();
    read.ended.count_down();
  }

  std::latch begun{1};
  std::latch released{1};
  std::latch ended{1};
};

// Reads that count how many of them are decoded at once.
struct counted_read final : completion {
  void complete() override {}
  void drop() noexcept override {}

  static void decode(completion& self) noexcept {
    auto& read = static_cast<counted_read&>(self);
    const unsigned now = read.at_once->fetch_add(1) + 1;
    if (now > 1) read.overlapped->store(true);
    // Long enough for another thread to begin the next one.
    for (unsigned i = 0; i < 300'000; ++i) read.turns.fetch_add(1, std::memory_order_relaxed);
    read.at_once->fetch_sub(1);
    read.ended.count_down();
  }

  std::atomic<unsigned>* at_once = nullptr;
  std::atomic<bool>* overlapped = nullptr;
  std::atomic<unsigned> turns{0};
  std::latch ended{1};
};

}  // namespace

TEST_CASE("the threads of the pool decode queued reads side by side") {
  codec::codec_pool pool(2);
  decode_queue queue(pool);
  held_read first;
  held_read second;
  REQUIRE(queue.push(first, held_read::decode));
  REQUIRE(queue.push(second, held_read::decode));
  first.begun.wait();
  second.begun.wait();  // while the first still runs
  first.released.count_down();
  second.released.count_down();
  pool.join();
  CHECK(second.ended.try_wait());
}

TEST_CASE("a loop helps once there waits a read for each thread of the pool") {
  codec::codec_pool pool(2);
  decode_queue queue(pool);
  std::vector<held_read> reads(4);
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(queue.push(reads[i], held_read::decode));
    reads[i].begun.wait();
  }
  CHECK_FALSE(queue.wants_help());
  REQUIRE(queue.push(reads[2], held_read::decode));
  CHECK_FALSE(queue.wants_help());
  REQUIRE(queue.push(reads[3], held_read::decode));
  CHECK(queue.wants_help());
  for (held_read& read : reads) read.released.count_down();
  pool.join();
  for (held_read& read : reads) CHECK(read.ended.try_wait());
}

TEST_CASE("while a loop helps, the pool decodes with one thread less") {
  codec::codec_pool pool(2);
  decode_queue queue(pool);
  std::vector<held_read> held(2);
  for (held_read& read : held) {
    REQUIRE(queue.push(read, held_read::decode));
    read.begun.wait();
  }
  std::atomic<unsigned> at_once{0};
  std::atomic<bool> overlapped{false};
  std::vector<counted_read> reads(6);
  for (counted_read& read : reads) {
    read.at_once = &at_once;
    read.overlapped = &overlapped;
  }
  // All reads of a queue have one function; here it depends on the read.
  const auto decode = [](completion& read) noexcept {
    if (auto* const counted = dynamic_cast<counted_read*>(&read)) {
      counted_read::decode(*counted);
    } else {
      held_read::decode(read);
    }
  };
  REQUIRE(queue.push(reads[0], decode));
  REQUIRE(queue.push(reads[1], decode));
  REQUIRE(queue.wants_help());
  for (std::size_t i = 2; i < reads.size(); ++i) REQUIRE(queue.push(reads[i], decode));
  // One thread, whichever is free first, leaves; the other decodes these.
  for (held_read& read : held) read.released.count_down();
  for (counted_read& read : reads) read.ended.wait();
  CHECK_FALSE(overlapped);
  pool.join();
}

TEST_CASE("the pool has all its threads again when no loop helps any more") {
  codec::codec_pool pool(2);
  decode_queue queue(pool);
  std::vector<held_read> reads(10);
  for (std::size_t i = 0; i < 4; ++i) REQUIRE(queue.push(reads[i], held_read::decode));
  reads[0].begun.wait();
  reads[1].begun.wait();
  REQUIRE(queue.wants_help());
  // One of the two leaves, the other decodes the next read.
  for (std::size_t i = 0; i < 2; ++i) reads[i].released.count_down();
  reads[2].begun.wait();
  for (std::size_t i = 4; i < 10; ++i) REQUIRE(queue.push(reads[i], held_read::decode));
  reads[3].begun.wait();  // while the one before still runs
  for (std::size_t i = 2; i < 10; ++i) reads[i].released.count_down();
  pool.join();
  for (held_read& read : reads) CHECK(read.ended.try_wait());
}

TEST_CASE("a read that no thread can decode is not queued") {
  CHECK(in_child([] {
          const thread_limit threads;
          threads.forbid();
          codec::codec_pool pool(2);
          decode_queue queue(pool);
          held_read read;
          EXPECT_IN_CHILD(!queue.push(read, held_read::decode));
          threads.allow();
          read.released.count_down();
          EXPECT_IN_CHILD(queue.push(read, held_read::decode));
          pool.join();
          EXPECT_IN_CHILD(read.ended.try_wait());
          return 0;
        }) == 0);
}

}  // namespace conduit::test
