// `ffdb roll`: seals the mutable file and begins the next.
#include <CLI/App.hpp>
#include <fmt/format.h>
#include <memory>

#include "cli/commands.hpp"
#include "cli/event_loops.hpp"
#include "cli/output.hpp"
#include "cli/store_flags.hpp"
#include "cli/words.hpp"

namespace conduit::cli {
namespace {

struct roll_flags : store_flags {
  std::string at_least = "0";
};

exit_status run_roll(const roll_flags& flags) {
  const std::uint32_t at_least = parse_file_number(flags.at_least);
  asio::io_context context;
  const flat_file_db db = flags.open_writing(context, missing_directory::refuse);
  const std::uint32_t number = run_one(context, db.roll(at_least));
  run_one(context, db.close());
  write_to_stdout(fmt::format("{}\n", number));
  return exit_status::done;
}

}  // namespace

void add_roll(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<roll_flags>();
  CLI::App* command =
      program.add_subcommand("roll", "seal the mutable file and begin the next; prints its number");
  flags->add_writer_to(*command);
  command->add_option("--at-least", flags->at_least,
                      "skip numbers below: after a restored backup an index may still name them");
  command->callback([flags, &chosen] { chosen = [flags] { return run_roll(*flags); }; });
}

}  // namespace conduit::cli
