// `ffdb recover`: mends what the store does not dare to mend by itself. A plain file is never cut, so there it only looks.
#include <CLI/App.hpp>
#include <fmt/format.h>
#include <memory>

#include "cli/commands.hpp"
#include "cli/event_loops.hpp"
#include "cli/output.hpp"
#include "cli/store_flags.hpp"
#include "cli/survey.hpp"

namespace conduit::cli {
namespace {

struct recover_flags : store_flags {
  bool dry_run = false;
};

exit_status run_recover(const recover_flags& flags) {
  asio::io_context context;
  const flat_file_db db = flags.dry_run ? flags.open_reading(context) : flags.open_writing(context, missing_directory::refuse);
  const survey all = run_one(context, survey_files(db));
  if (!flags.dry_run) run_one(context, db.close());

  std::string text;
  for (const verify_fault& fault : all.faults) text += sentence_of(fault) + '\n';
  if (all.faults.empty()) {
    text += fmt::format("{} data files, {} bytes, all readable: nothing to do\n", all.files, all.bytes);
  } else {
    text += "nothing in a plain file can be mended: the blobs at the places above are lost or have to come from a backup\n";
  }
  write_to_stdout(text);
  return all.faults.empty() ? exit_status::done : exit_status::corrupt;
}

}  // namespace

void add_recover(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<recover_flags>();
  CLI::App* command = program.add_subcommand("recover", "look for damage and mend what can be mended");
  flags->add_writer_to(*command);
  command->add_flag("--dry-run", flags->dry_run, "only say what would be done");
  command->callback([flags, &chosen] { chosen = [flags] { return run_recover(*flags); }; });
}

}  // namespace conduit::cli
