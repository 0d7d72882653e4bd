// More operations pending than any queue below has room for: all of them end, whoever runs the
// context.
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "support/loop_threads.hpp"
#include "support/sanitizers.hpp"
#include "support/store_fixture.hpp"

namespace conduit::test {

namespace {

constexpr std::size_t blob_bytes = 600;
constexpr std::size_t blob_count = 100;

// How the operations of a test ended, counted by handlers on any thread.
struct tally {
  std::atomic<std::size_t> well{0};
  std::atomic<std::size_t> aborted{0};
  std::atomic<std::size_t> wrong{0};
  std::atomic<std::size_t> failed{0};

  std::size_t ended() const { return well + aborted + wrong + failed; }

  auto handler() {
    return [this](std::error_code error, auto&&... /*results*/) { count(error); };
  }
  auto reader(std::string_view expected) {
    return [this, expected](std::error_code error, const blob& bytes) {
      if (!error && bytes.text() != expected) return void(++wrong);
      count(error);
    };
  }
  void count(std::error_code error) {
    if (!error) {
      ++well;
    } else if (error == asio::error::operation_aborted) {
      ++aborted;
    } else {
      ++failed;
    }
  }
};

// A store with some blobs, and operations on it drawn from a seed. Every second one has a
// cancellation signal.
class crowd {
 public:
  crowd(std::uint64_t seed, compression form)
      : seed_(seed), draw_(seed), store([form](options& how) {
          how.compression = form;
          how.max_file_size = 64U << 20;
        }) {
    for (std::size_t i = 0; i < blob_count; ++i) {
      bytes_.push_back(bytes_of(seed_ + i, blob_bytes));
      known_.push_back(store.put(bytes_.back()));
    }
  }

  // One of `rare_every` is a call that reads or changes whole files or the directory.
  void start(std::size_t count, std::size_t rare_every) {
    for (std::size_t i = 0; i < count; ++i) {
      if (i % 2 == 0) {
        start_one(rare_every, [](auto handler) { return handler; });
      } else {
        signals_.emplace_back();
        start_one(rare_every, [this](auto handler) {
          return asio::bind_cancellation_slot(signals_.back().slot(), std::move(handler));
        });
      }
    }
  }
  void cancel_every_second() {
    for (asio::cancellation_signal& signal : signals_)
      signal.emit(asio::cancellation_type::terminal);
  }

 private:
  const std::uint64_t seed_;
  std::mt19937_64 draw_;
  std::vector<std::string> bytes_;
  std::vector<data_location> known_;
  std::deque<asio::cancellation_signal> signals_;

 public:
  tally ends;
  store_fixture store;  // after what its operations use: it goes first

 private:
  template <typename Bind>
  void start_one(std::size_t rare_every, Bind bind) {
    const flat_file_db& db = store.db;
    const std::size_t which = draw_() % blob_count;
    const std::string_view expected = bytes_[which];
    if (draw_() % rare_every == 0) return start_rare(bind);
    switch (draw_() % 8) {
      case 0:
        return db.put(asio::buffer(bytes_[which]), bind(ends.handler()));
      case 1:
        return db.put_many({asio::buffer(bytes_[which]), asio::buffer(bytes_[0])},
                           bind(ends.handler()));
      case 2:
      case 3:
        return db.get_slice(known_[which], {100, 300},
                            bind(ends.reader(expected.substr(100, 200))));
      case 4:
        return db.get({known_[which].file_number + 1000, 0, 0, 1}, bind(ends.handler()));
      default:
        return db.get(known_[which], bind(ends.reader(expected)));
    }
  }
  template <typename Bind>
  void start_rare(Bind bind) {
    const flat_file_db& db = store.db;
    switch (draw_() % 9) {
      case 0:
        return db.sync(bind(ends.handler()));
      case 1:
        return db.roll(0, bind(ends.handler()));
      case 2:
        return db.delete_file(1000, bind(ends.handler()));
      case 3:
        return db.delete_before(0, bind(ends.handler()));
      case 4:
        return db.files(bind(ends.handler()));
      case 5:
        return db.verify(0, bind(ends.handler()));
      case 6:
        return db.examine_file(0, bind(ends.handler()));
      case 7:
        return db.recover_file(1000, bind(ends.handler()));
      default:
        return db.compress_file(1000, bind(ends.handler()));
    }
  }
};

}  // namespace

TEST_CASE("operations of every kind that are pending at once all end, half of them cancelled") {
  const auto form = GENERATE(compression::none, compression::zstd);
  const std::size_t threads = GENERATE(1U, 4U);
  const std::size_t count = GENERATE(514U, 5'000U);
  const std::uint64_t seed = 20241124;
  CAPTURE(count, threads, seed);
  crowd all(seed, form);
  all.start(count, 50);
  all.cancel_every_second();
  loop_threads(all.store.context, threads).join();
  CHECK(all.ends.ended() == count);
  CHECK(all.ends.wrong == 0);
  CHECK(all.ends.well >= count / 4);
  CHECK(all.ends.aborted != 0);
}

TEST_CASE("operations that are cancelled while hundreds are with the kernel all end") {
  const auto form = GENERATE(compression::none, compression::zstd);
  const std::size_t count = 2'000;
  const std::uint64_t seed = 7;
  crowd all(seed, form);
  all.start(count, 50);
  all.store.context.restart();
  while (all.ends.ended() < 100) REQUIRE(all.store.context.run_one() == 1);
  all.cancel_every_second();
  all.store.context.run();
  CHECK(all.ends.ended() == count);
  CHECK(all.ends.wrong == 0);
}

TEST_CASE("a million operations that are pending at once all end, half of them cancelled") {
  const auto form = GENERATE(compression::none, compression::zstd);
  const std::size_t threads = GENERATE(1U, 4U);
  const std::size_t count = sanitized ? 50'000 : 1'000'000;
  const std::uint64_t seed = 42;
  CAPTURE(threads, seed);
  crowd all(seed, form);
  all.start(count, 20'000);
  all.cancel_every_second();
  loop_threads(all.store.context, threads).join();
  CHECK(all.ends.ended() == count);
  CHECK(all.ends.wrong == 0);
  CHECK(all.ends.well >= count / 4);
}

}  // namespace conduit::test
