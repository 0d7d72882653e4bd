// Reads that the page cache answers, against Asio's own file class. A program of its own, since that class exists only in programs
// built for it.
#define ASIO_HAS_IO_URING 1

#include <asio/random_access_file.hpp>
#include <asio/read_at.hpp>
#include <asio/use_awaitable.hpp>
#include <memory>

#include "comparison.hpp"
#include "filled_store.hpp"

namespace conduit::bench {
namespace {

asio::awaitable<void> read_file(asio::random_access_file& file, access_pattern& pattern, stint& time) {
  const block_memory memory;
  do {
    const std::uint64_t offset = pattern.next();
    const std::size_t count = co_await file.async_read_some_at(offset, memory.buffer(), asio::use_awaitable);
    require(count == block_bytes, "async_read_some_at");
  } while (time.next());
}

sample asio_files(asio::io_context& context, const filled_store& store, unsigned objects, unsigned count, double seconds) {
  std::vector<std::unique_ptr<asio::random_access_file>> files;
  for (unsigned i = 0; i < objects; ++i) {
    files.push_back(std::make_unique<asio::random_access_file>(context, store.data_file().string(), asio::random_access_file::read_only));
  }
  access_pattern pattern(filled_store::file_bytes, 1);
  stint time(seconds);
  run_coroutines(context, count, [&](unsigned i) { return read_file(*files[i % objects], pattern, time); });
  return time.result();
}

sample ours(const flat_file_db& db, asio::io_context& context, data_location whole, unsigned count, double seconds) {
  access_pattern pattern(filled_store::file_bytes, 1);
  stint time(seconds);
  run_coroutines(context, count, [&](unsigned) { return read_slices(db, whole, pattern, time); });
  return time.result();
}

void run(const settings& wanted) {
  if (!wanted.wants(3)) return;
  const scratch_directory scratch(wanted);
  const filled_store store(wanted, scratch);
  const auto warm = [&] { store.warm(); };
  asio::io_context home;
  asio::io_context theirs;
  const flat_file_db db = flat_file_db::open(home, store.how());
  print_header(wanted);
  for (const unsigned count : {32U, 128U}) {
    const std::string what = "hot get_into, " + std::to_string(count) + " coroutines / Asio file, ";
    const auto mine = [&] { return ours(db, home, store.whole(), count, wanted.seconds); };
    compare(wanted, 3, what + "one object", {3.5}, mine, [&] { return asio_files(theirs, store, 1, count, wanted.seconds); }, warm);
    compare(wanted, 3, what + "one each", {1.1}, mine, [&] { return asio_files(theirs, store, count, count, wanted.seconds); }, warm);
  }
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) { return conduit::bench::run_program(count, words, conduit::bench::run); }
