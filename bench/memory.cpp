// The resident set of a process that puts and gets a million blobs, 64 at a time, without the
// memory of its caches.
#include <fstream>

#include "comparison.hpp"
#include "filled_store.hpp"

namespace conduit::bench {
namespace {

constexpr std::size_t blob_bytes = 1024;
constexpr unsigned in_flight = 64;
constexpr std::uint64_t full = 1'000'000;
// Below this a run is a moment of a test.
constexpr double full_seconds = 0.3;

// The highest resident set of this process so far.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib / 1024;
  }
  throw std::runtime_error("/proc/self/status does not tell VmHWM");
}

// Gets each blob right after its put: only one location a coroutine has to be kept.
asio::awaitable<void> put_and_get(flat_file_db db, std::uint64_t count) {
  const std::vector<char> bytes = random_bytes(blob_bytes, 1);
  for (std::uint64_t i = 0; i < count; ++i) {
    const data_location where = co_await db.put(asio::buffer(bytes));
    const blob found = co_await db.get(where);
    require(found.size() == blob_bytes, "get");
  }
}

void measure_one(const settings& wanted, const scratch_directory& scratch, compression form) {
  options how(scratch / (form == compression::none ? "plain" : "compressed"));
  how.backend = wanted.backend;
  how.compression = form;
  const double caches_mib =
      form == compression::none ? 0 : static_cast<double>(how.frame_cache_bytes) / (1U << 20);
  const std::uint64_t blobs =
      wanted.seconds < full_seconds ? static_cast<std::uint64_t>(full * wanted.seconds / 3) : full;
  {
    asio::io_context context(1);
    const flat_file_db db = flat_file_db::open(context, how);
    run_coroutines(context, in_flight,
                   [&](unsigned) { return put_and_get(db, blobs / in_flight); });
  }
  std::filesystem::remove_all(how.data_directory);
  print_figure(wanted,
               {22,
                std::to_string(blobs) + (form == compression::none ? " plain" : " compressed") +
                    " puts and gets: resident set without caches",
                "MiB",
                peak_mib() - caches_mib,
                32,
                true,
                {{"caches_mib", caches_mib}}});
}

void run(const settings& wanted) {
  const scratch_directory scratch(wanted);
  print_header();
  // The plain one first: a process's peak never falls.
  measure_one(wanted, scratch, compression::none);
  measure_one(wanted, scratch, compression::zstd);
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {22}, conduit::bench::run);
}
