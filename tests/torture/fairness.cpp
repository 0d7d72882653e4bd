// Fairness of the lock between processes, for some seconds each: four of ours that put without
// pause, and a process of the Python original beside one of ours. Prints the shares and the waits.
#include <algorithm>
#include <cstdio>
#include <numeric>

#include "support/process_arguments.hpp"
#include "support/process_original.hpp"
#include "support/process_putters.hpp"
// The build gives a torture program one source and the library.
#include "support/bytes.cpp"
#include "support/child_process.cpp"

namespace conduit::test {
namespace {

putters_settings settings_for(const std::filesystem::path& store, backend engine, durability wanted,
                              std::uint32_t coroutines) {
  putters_settings how;
  how.store = options(store);
  how.store.backend = engine;
  how.store.durability = wanted;
  how.store.max_file_size = 64U << 20U;
  how.coroutines = coroutines;
  return how;
}

// Each of four gets at least half its fair share.
bool shares(const process_arguments& arguments, putters_settings how) {
  how.processes = 4;
  putter_processes putters(how);
  const std::vector<std::uint64_t> counts =
      putters.count_for(std::chrono::milliseconds(arguments.number("share-ms")));
  bool well = putters.stop();
  const auto sum =
      static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
  std::printf("  four of ours: %.0f puts/s, shares",
              sum * 1000 / static_cast<double>(arguments.number("share-ms")));
  for (const std::uint64_t count : counts) {
    const double share = static_cast<double>(count) / sum;
    well = well && share >= 0.5 / 4;
    std::printf(" %.3f", share);
  }
  std::printf("%s\n", well ? "" : "  FAILED");
  return well;
}

// Median at most 0.5 s, the worst of 50 at most 3 s.
bool waits(const process_arguments& arguments, const putters_settings& how) {
  putter_processes putters(how);
  const std::filesystem::path lock = how.store.data_directory.string() + ".lock";
  original_process original(how.store.data_directory, lock, how.store.max_file_size);
  const auto puts_before = putters.counts();
  const auto begun = std::chrono::steady_clock::now();
  std::vector<double> seconds = numbers_of<double>(
      original.ask("wait " + arguments.text("waits") + " " + arguments.text("pause-ms")));
  const double elapsed =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const auto puts_after = putters.counts();
  std::uint64_t puts = 0;
  for (std::size_t i = 0; i < puts_after.size(); ++i) puts += puts_after[i] - puts_before[i];
  bool well = putters.stop() && !seconds.empty();
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  well = well && median <= 0.5 && seconds.back() <= 3;
  std::printf(
      "  original beside %u of ours, %u putters: %zu waits, median %.3f s, p90 %.3f s, worst %.3f "
      "s, meanwhile %.0f puts/s%s\n",
      how.processes, how.coroutines, seconds.size(), median, seconds[seconds.size() * 9 / 10],
      seconds.back(), static_cast<double>(puts) / elapsed, well ? "" : "  FAILED");
  return well;
}

}  // namespace
}  // namespace conduit::test

int main(int count, char** words) {
  using namespace conduit::test;
  const process_arguments arguments(count, words,
                                    {{"backend", "both"},
                                     {"durability", "both"},
                                     {"share-ms", "20000"},
                                     {"waits", "50"},
                                     {"pause-ms", "20"},
                                     {"beside", "1"}});
  bool well = true;
  for (const auto& [engine, engine_name] : arguments.backends()) {
    for (const auto& [wanted, durability_name] : arguments.durabilities()) {
      const std::filesystem::path store =
          arguments.directory() / (engine_name + "-" + durability_name);
      std::printf("%s, durability %s\n", engine_name.c_str(), durability_name.c_str());
      for (const std::uint32_t coroutines : {1U, 64U}) {
        std::fflush(stdout);
        putters_settings how = settings_for(store, engine, wanted, coroutines);
        if (arguments.number("share-ms") != 0) well = shares(arguments, how) && well;
        std::fflush(stdout);
        how.processes = static_cast<std::uint32_t>(arguments.number("beside"));
        if (arguments.number("waits") != 0) well = waits(arguments, how) && well;
        std::filesystem::remove_all(store);
      }
    }
  }
  return well ? 0 : 1;
}
