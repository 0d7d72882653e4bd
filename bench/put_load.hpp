// Puts of 4 KiB from any number of coroutines, durable or not.
#pragma once

#include <conduit/flat_file_db.hpp>
#include <filesystem>
#include <vector>

#include "workload.hpp"

namespace conduit::bench {

// Where blobs come from: more memory than one batch, so that the processor's caches see what a
// program would show them.
class blob_source {
 public:
  blob_source() : bytes_(random_bytes(blobs * block_bytes, 1)) {}

  const char* next() { return bytes_.data() + (index_++ % blobs) * block_bytes; }

 private:
  static constexpr std::size_t blobs = 1024;
  std::vector<char> bytes_;
  std::size_t index_ = 0;
};

struct workload {
  unsigned putters = 1;
  bool durable = false;
  double seconds = 0;
  // Undurable bytes are to stay below what makes the kernel write them back: neither side pays for
  // the disk then.
  std::uint64_t blobs_max() const { return durable ? ~0ULL : (128U << 20) / block_bytes; }
};

inline asio::awaitable<void> put_blobs(flat_file_db db, blob_source& source, stint& time) {
  do {
    const asio::const_buffer bytes(source.next(), block_bytes);
    co_await db.put(bytes);
  } while (time.next());
}

// A store of its own context. It stays open from one sample to the next, as it would in a program.
class open_store {
 public:
  open_store(const settings& wanted, const std::filesystem::path& directory, durability how_durable)
      : db_(flat_file_db::open(context_, how(wanted, directory, how_durable))) {}

  asio::io_context& context() { return context_; }
  const flat_file_db& db() const { return db_; }

  // Each sample writes into a file of its own, as the yardstick does. The first put to a file
  // creates it, which is no part of the comparison; it is as large as a batch, so that what follows
  // is aligned like the yardstick's batches: smaller pieces of the page cache cost both sides a
  // quarter more.
  sample puts(blob_source& source, const workload& load) {
    run_one(context_, begin_file(load.putters));
    const sample found = more_puts(source, load);
    remove_what_was_put();
    return found;
  }
  // The same into the file that is there, and without removing it.
  sample more_puts(blob_source& source, const workload& load) {
    stint time(load.seconds, load.blobs_max(), 16);
    run_coroutines(context_, load.putters, [&](unsigned) { return put_blobs(db_, source, time); });
    return time.result();
  }
  void remove_what_was_put() { run_one(context_, remove_file()); }

 private:
  static options how(const settings& wanted, const std::filesystem::path& directory,
                     durability how_durable) {
    options result(directory);
    result.backend = wanted.backend;
    result.durability = how_durable;
    result.max_file_size = 1ULL << 40;  // the yardstick begins no second file either
    return result;
  }

  asio::awaitable<void> begin_file(unsigned blobs) {
    const std::vector<char> bytes(blobs * block_bytes);
    const asio::const_buffer content(bytes.data(), bytes.size());
    co_await db_.put(content);
  }
  asio::awaitable<void> remove_file() {
    const std::uint32_t next = co_await db_.roll();
    co_await db_.delete_before(next);
  }

  asio::io_context context_;
  flat_file_db db_;
};

}  // namespace conduit::bench
