// One process of many that work on the same store at the same time: coroutines that append, read
// each other's blobs, roll, sync and delete, tell the journal what was acknowledged, and check
// whatever they read.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <conduit/error.hpp>
#include <conduit/flat_file_db.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include "support/bytes.hpp"
#include "support/process_journal.hpp"

namespace conduit::test {

struct load_settings {
  std::uint64_t operations = 0;  // of all processes together
  std::uint32_t coroutines = 8;  // of each process
  // Deletions leave the newest files alone: `delete_file` takes one below the newest `kept_files`,
  // `delete_before` all below the newest `window_files`.
  std::uint32_t kept_files = 4;
  std::uint32_t window_files = 64;
};

// The part that all processes see.
struct load_progress {
  std::atomic<std::uint64_t> begun;
  std::atomic<std::uint64_t> ended;
  std::atomic<std::uint64_t> reads_checked;
  std::atomic<std::uint64_t> files_deleted;
  std::atomic<std::uint64_t> rolls;
  std::atomic<std::uint64_t> syncs;
};

class process_load {
 public:
  // `after_each` runs after each operation, with how many have ended.
  process_load(const load_settings& how, process_journal& log, load_progress& progress,
               std::uint64_t seed, std::function<void(std::uint64_t)> after_each)
      : how_(how),
        log_(log),
        progress_(progress),
        seed_(seed),
        after_each_(std::move(after_each)) {}

  // Works until all operations have been begun and its own have ended. Returns an exit status.
  int run(const options& store) {
    asio::io_context context;
    std::exception_ptr failure;
    {
      const flat_file_db db = flat_file_db::open(context, store);
      std::mt19937_64 seeds(seed_);
      for (std::uint32_t i = 0; i < how_.coroutines; ++i) {
        asio::co_spawn(context, work(db, seeds()), [&](const std::exception_ptr& error) {
          if (error) failure = error;
        });
      }
      context.run();
    }
    if (failure) std::rethrow_exception(failure);
    return 0;
  }

 private:
  using numbers = std::mt19937_64;

  asio::awaitable<void> work(flat_file_db db, std::uint64_t seed) {
    numbers random(seed);
    while (progress_.begun.fetch_add(1) < how_.operations) {
      const std::uint64_t dice = random() % 1000;
      if (dice < 400) {
        co_await put(db, random);
      } else if (dice < 500) {
        co_await put_many(db, random);
      } else if (dice < 940) {
        co_await read(db, random);
      } else if (dice < 970) {
        co_await sync(db);
      } else if (dice < 980) {
        co_await roll(db);
      } else if (dice < 985) {
        co_await delete_file(db, random);
      } else if (dice < 986) {
        co_await delete_before(db);
      } else {
        co_await put(db, random);
      }
      after_each_(progress_.ended.fetch_add(1) + 1);
    }
  }

  // Mostly small; now and then one that does not go the way of an inline append, or none at all.
  static std::size_t size_of_blob(numbers& random) {
    const std::uint64_t dice = random() % 1000;
    if (dice < 20) return 0;
    if (dice < 950) return 1 + random() % (8U << 10U);
    if (dice < 998) return 1 + random() % (100U << 10U);
    return (1U << 20U) + random() % (300U << 10U);
  }

  asio::awaitable<void> put(flat_file_db& db, numbers& random) {
    const std::uint64_t seed = random();
    const std::string bytes = bytes_of(seed, size_of_blob(random));
    try {
      const data_location where = co_await db.put(asio::buffer(bytes));
      if (where.size() != bytes.size())
        log_.failed("put of " + std::to_string(bytes.size()) + " bytes gave " + where.to_string());
      log_.acknowledged({seed, where});
    } catch (const std::system_error& failure) {
      log_.failed(std::string("put: ") + failure.what());
    }
  }

  asio::awaitable<void> put_many(flat_file_db& db, numbers& random) {
    std::vector<std::uint64_t> seeds(1 + random() % 8);
    std::vector<std::string> blobs;
    std::vector<asio::const_buffer> list;
    for (std::uint64_t& seed : seeds) {
      seed = random();
      blobs.push_back(bytes_of(seed, size_of_blob(random) / 2));
    }
    for (const std::string& blob : blobs) list.emplace_back(blob.data(), blob.size());
    try {
      const std::vector<data_location> where = co_await db.put_many(std::move(list));
      for (std::size_t i = 0; i < where.size(); ++i) {
        const bool follows = i == 0 || (where[i].file_number == where[0].file_number &&
                                        where[i].start == where[i - 1].end);
        if (!follows || where[i].size() != blobs[i].size())
          log_.failed("put_many gave " + where[i].to_string() + " out of order");
        log_.acknowledged({seeds[i], where[i]});
      }
      if (where.size() != seeds.size())
        log_.failed("put_many gave " + std::to_string(where.size()) + " locations");
    } catch (const std::system_error& failure) {
      log_.failed(std::string("put_many: ") + failure.what());
    }
  }

  // A blob of any process, whole or a slice of it.
  asio::awaitable<void> read(flat_file_db& db, numbers& random) {
    const std::uint64_t known = log_.reserved();
    if (known == 0) co_return;
    // Half of the time one of the newest: of the mutable file, perhaps not an instant old.
    const std::uint64_t newest = std::min<std::uint64_t>(known, 32);
    const auto picked =
        log_.at(random() % 2 == 0 ? random() % known : known - 1 - random() % newest);
    if (!picked) co_return;
    const std::uint64_t size = picked->where.size();
    slice part;
    if (size != 0 && random() % 3 == 0) {
      part.start = random() % size;
      part.end = part.start + 1 + random() % (size - part.start);
    }
    try {
      const blob got = co_await db.get_slice(picked->where, part);
      const std::string expected = bytes_of(picked->seed, size);
      const std::uint64_t end = std::min(size, part.end);
      if (got.text() != std::string_view(expected).substr(part.start, end - part.start)) {
        log_.failed("wrong bytes in " + picked->where.to_string());
      }
      progress_.reads_checked.fetch_add(1);
    } catch (const std::system_error& failure) {
      const bool maybe_deleted = log_.deletions_begun(picked->where.file_number) != 0;
      if (failure.code() == errc::no_such_file && maybe_deleted) co_return;
      log_.failed("get of " + picked->where.to_string() + ": " + failure.what());
    }
  }

  asio::awaitable<void> sync(flat_file_db& db) {
    try {
      co_await db.sync();
      progress_.syncs.fetch_add(1);
    } catch (const std::system_error& failure) {
      log_.failed(std::string("sync: ") + failure.what());
    }
  }

  asio::awaitable<void> roll(flat_file_db& db) {
    const std::uint32_t known = log_.highest_file();
    try {
      const std::uint32_t number = co_await db.roll();
      if (number <= known)
        log_.failed("roll began " + std::to_string(number) + " after " + std::to_string(known));
      progress_.rolls.fetch_add(1);
    } catch (const std::system_error& failure) {
      log_.failed(std::string("roll: ") + failure.what());
    }
  }

  asio::awaitable<void> delete_file(flat_file_db& db, numbers& random) {
    const std::uint32_t newest = log_.highest_file();
    if (newest <= how_.kept_files) co_return;
    const auto victim = static_cast<std::uint32_t>(random() % (newest - how_.kept_files));
    log_.begin_deletion(victim);
    try {
      co_await db.delete_file(victim);
      log_.deletion_acknowledged(victim);
      progress_.files_deleted.fetch_add(1);
    } catch (const std::system_error& failure) {
      const bool somebody_else_too = log_.deletions_begun(victim) > 1;
      if (failure.code() == errc::no_such_file && somebody_else_too) co_return;
      log_.failed("delete_file of " + std::to_string(victim) + ": " + failure.what());
    }
  }

  asio::awaitable<void> delete_before(flat_file_db& db) {
    const std::uint32_t newest = log_.highest_file();
    if (newest <= how_.window_files) co_return;
    const std::uint32_t limit = newest - how_.window_files;
    for (std::uint32_t number = 0; number < limit; ++number) log_.begin_deletion(number);
    try {
      const std::size_t count = co_await db.delete_before(limit);
      for (std::uint32_t number = 0; number < limit; ++number) log_.deletion_acknowledged(number);
      progress_.files_deleted.fetch_add(count);
    } catch (const std::system_error& failure) {
      log_.failed("delete_before " + std::to_string(limit) + ": " + failure.what());
    }
  }

  load_settings how_;
  process_journal& log_;
  load_progress& progress_;
  std::uint64_t seed_;
  std::function<void(std::uint64_t)> after_each_;
};

}  // namespace conduit::test
