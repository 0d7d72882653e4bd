// Kills and appends in turns in full: 1,000 of each on each backend, on a compressed store whose
// files hold 1 MiB. After each of them every data file is read by the zstd program. Ends with 0 if
// no acknowledged blob was lost or wrong, and no file was refused.
#include <chrono>
#include <cstdio>

#include "support/process_arguments.hpp"
#include "support/process_kill_and_append.hpp"
// The build gives a torture program one source and the library.
#include "support/bytes.cpp"
#include "support/child_process.cpp"

namespace conduit::test {
namespace {

bool run_one(const process_arguments& arguments, backend engine, const std::string& name) {
  kill_and_append_settings how;
  how.store = options(arguments.directory() / name);
  how.store.backend = engine;
  how.store.max_file_size = arguments.number("max-file-size");
  how.rounds = arguments.number("rounds");
  how.seed = arguments.number("seed");
  std::printf("%s: seed %llu\n", name.c_str(), static_cast<unsigned long long>(how.seed));
  std::fflush(stdout);
  const auto begun = std::chrono::steady_clock::now();
  const kill_and_append_outcome outcome = kill_and_append(how).run();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const auto figure = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("  %.1f s: %llu kills (%llu within a write), %llu blobs acknowledged, %llu files\n",
              seconds, figure(outcome.kills), figure(outcome.kills_within_writes),
              figure(outcome.blobs), figure(outcome.files));
  std::printf(
      "  %llu torn files mended by the next put, %llu left in doubt and recovered, %llu times zstd "
      "read a file, %llu MiB\n",
      figure(outcome.mended), figure(outcome.recovered), figure(outcome.files_checked),
      figure(outcome.plain_bytes_checked >> 20U));
  for (const std::string& failure : outcome.failures)
    std::printf("  FAILED: %s\n", failure.c_str());
  const bool well = outcome.failures.empty() && outcome.kills == how.rounds;
  std::printf("  %s\n", well ? "0 lost, 0 wrong, 0 refused" : "failed");
  std::fflush(stdout);
  if (well) std::filesystem::remove_all(how.store.data_directory);
  return well;
}

}  // namespace
}  // namespace conduit::test

int main(int count, char** words) {
  using namespace conduit::test;
  const process_arguments arguments(count, words,
                                    {{"backend", "both"},
                                     {"rounds", "1000"},
                                     {"max-file-size", "1048576"},
                                     {"seed", "20241122"}});
  bool well = true;
  for (const auto& [engine, name] : arguments.backends())
    well = run_one(arguments, engine, name) && well;
  return well ? 0 : 1;
}
