// Processes that open a store and read it while another one writes, rolls and deletes.
#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <thread>

#include "support/child_process.hpp"
#include "support/process_journal.hpp"
#include "support/run_loop.hpp"
#include "support/shared_memory.hpp"
#include "support/store_fixture.hpp"
#include "support/temporary_directory.hpp"

namespace conduit::test {
namespace {

constexpr std::uint64_t seed = 808;
constexpr std::uint32_t rounds = 60;      // of the writer: some puts, a roll, a deletion
constexpr std::uint32_t kept_files = 12;  // that it never deletes

struct reading {
  std::atomic<bool> stop;
  std::atomic<std::uint64_t> opened;
  std::atomic<std::uint64_t> read;
  std::atomic<std::uint64_t> gone;
};

// Reads a few blobs that the journal names; whatever is not there must have been deleted on
// purpose.
asio::awaitable<void> read_some(flat_file_db db, process_journal& log, reading& counts,
                                std::mt19937_64& random) {
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t known = log.reserved();
    const auto picked = known == 0 ? std::nullopt : log.at(random() % known);
    if (!picked) continue;
    try {
      const blob got = co_await db.get(picked->where);
      if (got.text() != bytes_of(picked->seed, picked->where.size()))
        log.failed("wrong bytes in " + picked->where.to_string());
      counts.read.fetch_add(1);
    } catch (const std::system_error& failure) {
      const bool deleted = failure.code() == errc::no_such_file &&
                           log.deletions_begun(picked->where.file_number) != 0;
      if (!deleted) log.failed("get of " + picked->where.to_string() + ": " + failure.what());
      counts.gone.fetch_add(1);
    }
  }
}

int read_until_stopped(const options& how, process_journal& log, reading& counts,
                       std::uint64_t own_seed) {
  std::mt19937_64 random(own_seed);
  while (!counts.stop) {
    // Opened anew each time, now for reading only and now for both.
    options mine = how;
    mine.read_only = random() % 2 == 0;
    asio::io_context context;
    const flat_file_db db = flat_file_db::open(context, mine);
    run(context, read_some(db, log, counts, random));
    counts.opened.fetch_add(1);
  }
  return 0;
}

}  // namespace

TEST_CASE("processes that open and read find everything but what another one deletes",
          "[processes]") {
  store_fixture store;
  process_journal log(rounds * 8);
  const shared_memory<reading> counts;
  std::vector<std::unique_ptr<child_process>> readers;
  for (std::uint64_t i = 0; i < 3; ++i) {
    readers.push_back(std::make_unique<child_process>(
        [&, i] { return read_until_stopped(store.how, log, *counts, seed + i); }));
  }

  std::mt19937_64 random(seed);
  const auto write_one_round = [&] {
    for (int i = 0; i < 5; ++i) {
      const std::uint64_t next = random();
      log.acknowledged({next, store.put(bytes_of(next, random() % 20000))});
    }
    const std::uint32_t newest = store.roll();
    if (newest <= kept_files) return;
    const std::uint32_t victim = newest - kept_files;
    log.begin_deletion(victim);
    store.run(store.db.delete_file(victim));
    log.deletion_acknowledged(victim);
  };
  for (std::uint32_t round = 0; round < rounds; ++round) write_one_round();
  // The readers have had their share of it, however slowly they were started.
  while ((counts->opened < 30 || counts->gone == 0) && log.failures().empty())
    std::this_thread::yield();
  counts->stop = true;
  for (auto& reader : readers) CHECK(reader->wait() == 0);

  INFO("seed " << seed);
  for (const std::string& failure : log.failures()) UNSCOPED_INFO(failure);
  CHECK(log.failures().empty());
  CHECK(counts->read > 0);
  CHECK(counts->gone > 0);
}

}  // namespace conduit::test
