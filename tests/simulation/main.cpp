// Histories of a store on a simulated machine: from seeds, or one from its text. See
// docs/testing.md.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>

#include "simulation/campaign.hpp"
#include "simulation/director.hpp"
#include "simulation/fault_sweep.hpp"
#include "simulation/history/generator.hpp"
#include "simulation/shrink.hpp"

using namespace conduit::simulation;

namespace {

void print(const history& what, const verdict& result, bool story) {
  if (story) {
    for (const std::string& line : result.story) std::printf("%s\n", line.c_str());
  }
  std::printf("%s\n", to_string(what).c_str());
  for (const std::string& line : result.found) std::printf("FOUND: %s\n", line.c_str());
}

bool play_and_print(const history& what, bool shorten, bool story, bool calls) {
  const verdict result = play(what, calls);
  if (shorten && !result.found.empty()) {
    const short_history cut = shrink(what, result);
    print(cut.what, cut.result, true);
  } else {
    print(what, result, story || calls);
  }
  return result.found.empty();
}

// Each line that is no comment is a history that found something once.
bool play_file(const std::string& path) {
  std::ifstream lines(path);
  if (!lines) throw CLI::FileError::Missing(path);
  bool well = true;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("seed")) continue;
    const history what = parse_history(line);
    const verdict result = play(what);
    if (!result.found.empty()) print(what, result, true);
    well = well && result.found.empty();
  }
  return well;
}

bool play_from_seed(campaign many, std::uint64_t seed) {
  many.name = "seed " + std::to_string(seed) + ", histories";
  many.numbered = [seed](std::uint64_t number) { return generate(seed, number); };
  return run(many);
}

// Every so many-th of them.
bool play_faults(campaign many, std::uint64_t stride) {
  const fault_sweep sweep;
  const std::uint64_t all = (sweep.size() + stride - 1) / stride;
  many.name = "faults";
  many.numbered = [&](std::uint64_t number) { return sweep.at(number * stride); };
  many.count = std::min(many.count == 0 ? all : many.count, all - std::min(many.from, all));
  return many.count == 0 || run(many);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program("Histories of a store on a simulated machine");
  program.require_subcommand(1);

  campaign many;
  std::uint64_t seed = 1;
  CLI::App& histories =
      *program.add_subcommand("histories", "play histories from seeds, until one finds something");
  histories.add_option("--seed", seed, "whose histories")->capture_default_str();
  histories.add_option("--seconds", many.seconds, "for how long; 0: until all are played")
      ->capture_default_str();
  std::uint64_t stride = 1;
  CLI::App& faults = *program.add_subcommand(
      "faults", "play short lives, each with a fault at another call, until one finds something");
  faults.add_option("--stride", stride, "only every so many-th")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  for (CLI::App* const command : {&histories, &faults}) {
    command->add_option("--from", many.from, "the number of the first")->capture_default_str();
    command
        ->add_option("--count", many.count, "how many; 0: all there are, or until the time is up")
        ->capture_default_str();
    command->add_option("--jobs", many.jobs, "at the same time; 0: one a processor")
        ->capture_default_str();
    command->add_option("--totals", many.totals, "a file that keeps the sums from run to run");
  }

  std::string text;
  bool shorten = false;
  bool story = false;
  bool calls = false;
  CLI::App& one = *program.add_subcommand("play", "play one history");
  one.add_option("history", text,
                 "its text, as it was printed, or SEED:NUMBER of one of `histories`")
      ->required();
  one.add_flag("--shorten", shorten, "cut it down to what finds the same");
  one.add_flag("--calls", calls, "print all that happens, with every call");
  one.add_flag("--story", story, "print all that happens");

  std::string file;
  CLI::App& found = *program.add_subcommand("found", "play all histories of a file");
  found.add_option("file", file)->required();

  try {
    program.parse(argc, argv);
    if (histories.parsed()) return play_from_seed(many, seed) ? 0 : 1;
    if (faults.parsed()) return play_faults(many, stride) ? 0 : 1;
    if (found.parsed()) return play_file(file) ? 0 : 1;
    const std::size_t colon = text.find(':');
    const bool numbered = !text.starts_with("seed") && colon != std::string::npos;
    const history what = numbered ? generate(std::stoull(text), std::stoull(text.substr(colon + 1)))
                                  : parse_history(text);
    return play_and_print(what, shorten, story, calls) ? 0 : 1;
  } catch (const CLI::ParseError& refused) {
    return program.exit(refused);
  } catch (const std::invalid_argument& refused) {
    std::fprintf(stderr, "%s\n", refused.what());
    return 2;
  }
}
