// The kill bar in full: 8 processes of 8 coroutines, 100,000 operations, one process killed every
// 200 ms; on both backends, with and without durability, plain, compressed, and compressed on seal.
// Ends with 0 if no acknowledged blob was lost or wrong.
#include <chrono>
#include <cstdio>

#include "support/process_arguments.hpp"
#include "support/process_kills.hpp"
// The build gives a torture program one source and the library.
#include "support/bytes.cpp"
#include "support/child_process.cpp"

namespace conduit::test {
namespace {

bool report(const kill_outcome& outcome, double seconds) {
  const auto figure = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "  %.1f s: %llu operations, %llu kills, %llu blobs acknowledged (%llu of them in deleted "
      "files), %llu reads checked\n",
      seconds, figure(outcome.operations), figure(outcome.kills), figure(outcome.blobs),
      figure(outcome.blobs_deleted), figure(outcome.reads_checked));
  std::printf("  %llu rolls asked for, %llu files deleted, %llu left, %llu syncs\n",
              figure(outcome.rolls), figure(outcome.files_deleted), figure(outcome.files),
              figure(outcome.syncs));
  for (const std::string& failure : outcome.failures)
    std::printf("  FAILED: %s\n", failure.c_str());
  std::printf("  %s\n", outcome.failures.empty() ? "0 lost, 0 wrong" : "failed");
  return outcome.failures.empty();
}

bool run_one(const process_arguments& arguments, backend engine, durability wanted,
             compression form, const std::string& name) {
  kill_settings how;
  how.store = options(arguments.directory() / name);
  how.store.compression = form;
  how.store.backend = engine;
  how.store.durability = wanted;
  how.store.max_file_size = arguments.number("max-file-size");
  how.load.operations = arguments.number("operations");
  how.load.coroutines = static_cast<std::uint32_t>(arguments.number("coroutines"));
  how.load.window_files = static_cast<std::uint32_t>(arguments.number("window-files"));
  how.processes = static_cast<std::uint32_t>(arguments.number("processes"));
  how.kill_every_ms = static_cast<int>(arguments.number("kill-every-ms"));
  how.seed = arguments.number("seed");
  std::printf("%s: seed %llu\n", name.c_str(), static_cast<unsigned long long>(how.seed));
  std::fflush(stdout);
  const auto begun = std::chrono::steady_clock::now();
  const kill_outcome outcome = kill_bar(how).run();
  const bool well = report(
      outcome, std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  std::filesystem::remove_all(how.store.data_directory);
  return well;
}

}  // namespace
}  // namespace conduit::test

int main(int count, char** words) {
  using namespace conduit::test;
  const process_arguments arguments(count, words,
                                    {{"backend", "both"},
                                     {"durability", "both"},
                                     {"compression", "all"},
                                     {"operations", "100000"},
                                     {"processes", "8"},
                                     {"coroutines", "8"},
                                     {"kill-every-ms", "200"},
                                     {"max-file-size", "1048576"},
                                     {"window-files", "200"},
                                     {"seed", "20240607"}});
  bool well = true;
  for (const auto& [engine, engine_name] : arguments.backends()) {
    for (const auto& [wanted, durability_name] : arguments.durabilities()) {
      for (const auto& [form, form_name] : arguments.compressions()) {
        well = run_one(arguments, engine, wanted, form,
                       engine_name + "-" + form_name + "-" + durability_name) &&
               well;
      }
    }
  }
  return well ? 0 : 1;
}
