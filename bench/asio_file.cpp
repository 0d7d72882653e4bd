// Reads that the page cache answers, against Asio's own file class.
#include "asio_files/asio_files.hpp"
#include "comparison.hpp"
#include "filled_store.hpp"

namespace conduit::bench {
namespace {

sample asio_files(const filled_store& store, unsigned objects, unsigned count, double seconds) {
  const asio_sample found =
      read_with_asio_files(store.data_file().c_str(), objects, count, seconds);
  return {found.rate, found.cpu_us_op};
}

sample ours(const flat_file_db& db, asio::io_context& context, data_location whole, unsigned count,
            double seconds) {
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
  const flat_file_db db = flat_file_db::open(home, store.how());
  print_header();
  for (const unsigned count : {32U, 128U}) {
    const std::string what = "hot get_into, " + std::to_string(count) + " coroutines / Asio file, ";
    const auto mine = [&] { return ours(db, home, store.whole(), count, wanted.seconds); };
    compare(
        wanted, 3, what + "one object", {3.5}, mine,
        [&] { return asio_files(store, 1, count, wanted.seconds); }, warm);
    compare(
        wanted, 3, what + "one each", {1.1}, mine,
        [&] { return asio_files(store, count, count, wanted.seconds); }, warm);
  }
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {3}, conduit::bench::run);
}
