// A running process of the Python original on the same plain store: its lock excludes ours, and
// what both append stays apart and can be read by both.
#include <catch2/catch.hpp>

#include <unistd.h>

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <random>
#include <tuple>

#include "support/process_journal.hpp"
#include "support/process_original.hpp"
#include "support/scripted_disk.hpp"
#include "support/store_fixture.hpp"
#include "support/store_on_disk.hpp"

namespace conduit::test {
namespace {

constexpr std::uint64_t file_size = 64U << 10U;

void small_files(options& how) { how.max_file_size = file_size; }

std::string words(std::initializer_list<std::uint64_t> numbers) {
  std::string text;
  for (const std::uint64_t number : numbers) text += " " + std::to_string(number);
  return text;
}

data_location location_of(const std::string& answer) {
  const std::vector<std::uint64_t> numbers = numbers_of<std::uint64_t>(answer);
  if (numbers.size() != 3) throw std::runtime_error("no location: " + answer);
  return {static_cast<std::uint32_t>(numbers[0]), 0, numbers[1], numbers[2]};
}

stored_blob put_by(original_process& original, std::uint64_t seed, std::size_t size) {
  return {seed, location_of(original.ask("put" + words({seed, size})))};
}

bool read_by(original_process& original, const stored_blob& blob) {
  return original.ask("get" + words({blob.where.file_number, blob.where.start, blob.where.end,
                                     blob.seed})) == "right";
}

// Puts without pause until told to stop.
asio::awaitable<void> put_beside(flat_file_db db, std::uint64_t seed, const bool& stop,
                                 std::vector<stored_blob>& stored) {
  std::mt19937_64 random(seed);
  while (!stop) {
    const std::uint64_t next = random();
    const std::string bytes = bytes_of(next, random() % 6000);
    const data_location where = co_await db.put(asio::buffer(bytes));
    stored.push_back({next, where});
  }
}

bool overlap(const stored_blob& a, const stored_blob& b) {
  return a.where.file_number == b.where.file_number && a.where.start < b.where.end &&
         b.where.start < a.where.end;
}

bool all_apart(std::vector<stored_blob> blobs) {
  std::sort(blobs.begin(), blobs.end(), [](const stored_blob& a, const stored_blob& b) {
    return std::tuple(a.where.file_number, a.where.start, a.where.end) <
           std::tuple(b.where.file_number, b.where.start, b.where.end);
  });
  return std::adjacent_find(blobs.begin(), blobs.end(), overlap) == blobs.end();
}

}  // namespace

TEST_CASE("a put waits while a Python process holds the lock, and goes behind what that appended",
          "[processes]") {
  store_fixture store;
  store.put("so that the store is not new");
  original_process original(store.how.data_directory, store.lock_path(), store.how.max_file_size);
  const data_location shared_file = store.put("ours");
  // Its file and ours are the same from here on: a new store's first file was taken by us.
  original.ask("lock");

  data_location where;
  bool stored = false;
  asio::co_spawn(
      store.context,
      [](flat_file_db db, data_location& location, bool& done) -> asio::awaitable<void> {
        location = co_await db.put(asio::buffer("waits", 5));
        done = true;
      }(store.db, where, stored),
      [](const std::exception_ptr&) {});
  store.context.restart();
  store.context.poll();  // the put has tried the lock by now
  CHECK_FALSE(stored);

  const data_location appended = location_of(original.ask("append" + words({7, 1000})));
  CHECK(appended.file_number == shared_file.file_number);
  CHECK(appended.start == shared_file.end);
  CHECK_FALSE(stored);
  CHECK(original.ask("unlock") == "unlocked");
  store.context.run();

  REQUIRE(stored);
  CHECK(where.file_number == appended.file_number);
  CHECK(where.start == appended.end);
  CHECK(store.db.stats().lock_waits == 1);
  CHECK(store.get(where) == "waits");
  CHECK(store.get(appended) == bytes_of(7, 1000));
}

TEST_CASE(
    "a Python process cannot have the lock while we write, and has it as soon as the put is "
    "acknowledged",
    "[processes]") {
  const temporary_directory directory;
  options how = options_in(directory);
  how.durability = GENERATE(durability::none, durability::fdatasync);
  original_process original(how.data_directory, directory / "store.lock", how.max_file_size);
  const auto script = std::make_shared<disk_script>();
  std::vector<std::string> found;
  // Of bytes, or of the record.
  for (const io_call write : {io_call::write, io_call::start_write, io_call::start_sync}) {
    script->before(write, [&](const seen_call&) { found.push_back(original.ask("try")); });
  }
  asio::io_context context;
  const store_on_disk store(context, how, scripted(script));

  const std::string bytes = bytes_of(1, 10000);
  std::string after_put;
  std::error_code error = std::make_error_code(std::errc::operation_in_progress);
  store.put(asio::buffer(bytes), [&](std::error_code outcome, data_location) {
    error = outcome;
    after_put = original.ask("try");
  });
  context.run();

  CHECK_FALSE(error);
  CHECK(found.size() >= 2);
  CHECK(std::count(found.begin(), found.end(), "held") ==
        static_cast<std::ptrdiff_t>(found.size()));
  CHECK(after_put == "free");
}

TEST_CASE("puts of ours and of a Python process beside us never overlap, and both read all of them",
          "[processes]") {
  store_fixture store(small_files);
  original_process original(store.how.data_directory, store.lock_path(), file_size);
  constexpr std::uint64_t seed = 4711;
  constexpr std::size_t puts_of_original = 60;

  std::vector<stored_blob> ours;
  std::vector<stored_blob> its;
  bool stop = false;
  std::exception_ptr failure;
  for (std::uint64_t i = 0; i < 4; ++i) {
    asio::co_spawn(store.context, put_beside(store.db, seed + i, stop, ours),
                   [&](const std::exception_ptr& error) {
                     if (error) failure = error;
                   });
  }
  // Its answers arrive while our loop puts.
  asio::posix::stream_descriptor answers(store.context, ::dup(original.answers()));
  std::mt19937_64 random(seed);
  std::uint64_t next = 0;
  std::function<void()> ask = [&] {
    next = random();
    original.tell("put" + words({next, 1 + random() % 6000}));
    answers.async_wait(asio::posix::stream_descriptor::wait_read, [&](const std::error_code&) {
      its.push_back({next, location_of(original.answer())});
      if (its.size() < puts_of_original) {
        ask();
      } else {
        stop = true;
      }
    });
  };
  ask();
  run_dry(store.context);
  if (failure) std::rethrow_exception(failure);

  INFO("seed " << seed << ", " << ours.size() << " puts of ours");
  REQUIRE(its.size() == puts_of_original);
  CHECK(its.back().where.file_number > 0);
  std::vector<stored_blob> all = ours;
  all.insert(all.end(), its.begin(), its.end());
  CHECK(all_apart(all));
  CHECK(std::all_of(all.begin(), all.end(), [&](const stored_blob& blob) {
    return store.get(blob.where) == bytes_of(blob.seed, blob.where.size());
  }));
  std::size_t read = 0;
  // Some of ours: it makes its bytes slowly.
  for (std::size_t i = 0; i < all.size(); i += 1 + all.size() / 100) {
    CHECK(read_by(original, all[i]));
    ++read;
  }
  CHECK(read >= 50);
}

TEST_CASE(
    "the files that a Python process begins are followed, and none of its numbers is used twice",
    "[processes]") {
  store_fixture store(small_files);
  original_process original(store.how.data_directory, store.lock_path(), file_size);
  std::vector<stored_blob> all;
  std::uint32_t highest = 0;
  for (std::uint64_t round = 0; round < 12; ++round) {
    // In turns: one fills a file, the other finds it full.
    const std::uint64_t seed = round + 1;
    const stored_blob its = put_by(original, seed, file_size);
    const stored_blob ours{seed + 100,
                           store.put(bytes_of(seed + 100, round % 2 == 0 ? 10 : file_size))};
    all.push_back(its);
    all.push_back(ours);
    CHECK(ours.where.file_number >= highest);
    highest = ours.where.file_number;
  }
  CHECK(all_apart(all));
  for (const stored_blob& blob : all) {
    CHECK(store.get(blob.where) == bytes_of(blob.seed, blob.where.size()));
    CHECK(read_by(original, blob));
  }
}

}  // namespace conduit::test
