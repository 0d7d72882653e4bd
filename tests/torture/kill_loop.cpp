// `kill -9` in full: 10,000 processes, one after another, each killed at a random point; half of
// them on each backend, a third in each form of compression, every fifth with durable puts. Ends
// with 0 if no acknowledged blob was lost or wrong.
#include <cstdio>

#include "support/process_arguments.hpp"
#include "support/process_kill_loop.hpp"
// The build gives a torture program one source and the library.
#include "support/bytes.cpp"
#include "support/child_process.cpp"

namespace conduit::test {
namespace {

bool run_one(const process_arguments& arguments, backend engine, durability wanted,
             compression form, const std::string& name) {
  kill_loop_settings how;
  how.store = options(arguments.directory() / name);
  how.store.compression = form;
  how.store.backend = engine;
  how.store.durability = wanted;
  how.store.max_file_size = arguments.number("max-file-size");
  how.seed = arguments.number("seed");
  how.kills =
      arguments.number("kills") / arguments.backends().size() / arguments.compressions().size();
  if (arguments.durabilities().size() == 2)
    how.kills = wanted == durability::fdatasync ? how.kills / 5 : how.kills - how.kills / 5;
  std::printf("%s: seed %llu\n", name.c_str(), static_cast<unsigned long long>(how.seed));
  std::fflush(stdout);
  const kill_outcome outcome = kill_loop(how).run();
  const auto figure = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "  %llu kills, %llu operations, %llu blobs acknowledged (%llu of them in deleted files), "
      "%llu reads checked, %llu files\n",
      figure(outcome.kills), figure(outcome.operations), figure(outcome.blobs),
      figure(outcome.blobs_deleted), figure(outcome.reads_checked), figure(outcome.files));
  for (const std::string& failure : outcome.failures)
    std::printf("  FAILED: %s\n", failure.c_str());
  std::printf("  %s\n", outcome.failures.empty() ? "0 lost, 0 wrong" : "failed");
  std::filesystem::remove_all(how.store.data_directory);
  return outcome.failures.empty();
}

}  // namespace
}  // namespace conduit::test

int main(int count, char** words) {
  using namespace conduit::test;
  const process_arguments arguments(count, words,
                                    {{"backend", "both"},
                                     {"durability", "both"},
                                     {"compression", "all"},
                                     {"kills", "10000"},
                                     {"max-file-size", "262144"},
                                     {"seed", "31337"}});
  bool well = true;
  for (const auto& [engine, engine_name] : arguments.backends()) {
    for (const auto& [form, form_name] : arguments.compressions()) {
      for (const auto& [wanted, durability_name] : arguments.durabilities()) {
        well = run_one(arguments, engine, wanted, form,
                       engine_name + "-" + form_name + "-" + durability_name) &&
               well;
      }
    }
  }
  return well ? 0 : 1;
}
