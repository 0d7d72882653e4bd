// Reads past the page cache: as many a second as fio, for hardly more processor time than a bare
// ring.
#include <liburing.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "bare_ring.hpp"
#include "comparison.hpp"
#include "filled_store.hpp"

namespace conduit::bench {
namespace {

// Few a second: the clock may be looked at more often.
constexpr unsigned look_every = 16;

sample coroutines(const flat_file_db& db, asio::io_context& context, data_location whole,
                  unsigned count, double seconds) {
  access_pattern pattern(filled_store::file_bytes, 1);
  stint time(seconds, ~0ULL, look_every);
  run_coroutines(context, count, [&](unsigned) { return read_slices(db, whole, pattern, time); });
  return time.result();
}

sample bare_loop(int fd, unsigned depth, double seconds) {
  access_pattern pattern(filled_store::file_bytes, 1);
  bare_ring ring(fd, depth);
  stint time(seconds, ~0ULL, look_every);
  ring.read(pattern, time);
  return time.result();
}

bool have_fio() { return std::system("fio --version >/dev/null 2>&1") == 0; }

// fio with its own costs turned down as far as it can (`gtod_reduce`).
sample fio(const filled_store& store, unsigned depth, double seconds) {
  // By way of the environment: no quoting of the path.
  ::setenv("CONDUIT_BENCH_DIRECTORY", store.data_file().parent_path().c_str(), 1);
  const std::string command =
      "cd \"$CONDUIT_BENCH_DIRECTORY\" && fio --name=randread --filename=" +
      store.data_file().filename().string() +
      " --readonly --allow_file_create=0 --ioengine=io_uring --direct=1 --rw=randread --bs=4k "
      "--norandommap" +
      " --gtod_reduce=1 --thread --time_based --iodepth=" + std::to_string(depth) +
      " --runtime=" + std::to_string(seconds) + " --output-format=terse --terse-version=3";
  FILE* pipe = ::popen(command.c_str(), "r");
  require(pipe != nullptr, "popen");
  std::string text;
  std::array<char, 4096> part;
  while (const std::size_t count = std::fread(part.data(), 1, part.size(), pipe))
    text.append(part.data(), count);
  if (::pclose(pipe) != 0) throw std::runtime_error("fio failed: " + text);
  // Fields are separated by semicolons; warnings may stand on lines before. The eighth is the reads
  // a second.
  std::size_t at = text.rfind("\n3;");
  at = at == std::string::npos ? 0 : at + 1;
  for (int field = 0; field < 7; ++field) at = text.find(';', at) + 1;
  return {std::strtod(text.c_str() + at, nullptr), 0};
}

void run(const settings& wanted) {
  if (!wanted.wants(5) && !wanted.wants(6)) return;
  const scratch_directory scratch(wanted);
  const filled_store store(wanted, scratch);
  const file_descriptor file(store.data_file(), O_RDONLY | O_DIRECT);
  options how = store.how();
  how.direct_io = true;
  asio::io_context home;
  const flat_file_db db = flat_file_db::open(home, how);
  // Whole seconds for fio.
  const double seconds = std::max(1.0, std::round(wanted.seconds));
  const auto cool = [&] { store.cool(); };
  const bool fio_there = have_fio();
  if (!fio_there) std::fprintf(stderr, "row 5 is left out: fio is not installed\n");
  print_header();
  for (const unsigned depth : {32U, 128U}) {
    const std::string what = "O_DIRECT get_into, " + std::to_string(depth) + " coroutines / ";
    const auto ours = [&] { return coroutines(db, home, store.whole(), depth, seconds); };
    if (wanted.wants(5) && fio_there) {
      compare(
          wanted, 5, what + "fio, io_uring", {1.0}, ours,
          [&] { return fio(store, depth, seconds); }, cool);
    }
    if (wanted.wants(6)) {
      compare(
          wanted, 6, what + "liburing loop: processor time", {1.0, measure::cpu}, ours,
          [&] { return bare_loop(file.get(), depth, seconds); }, cool);
    }
  }
}

}  // namespace
}  // namespace conduit::bench

int main(int count, char** words) {
  return conduit::bench::run_program(count, words, {5, 6}, conduit::bench::run);
}
