// `ffdb recover`: mends files that the store does not dare to mend by itself. It only checks plain
// files, which are never cut.
#include <CLI/App.hpp>
#include <conduit/error.hpp>
#include <fmt/format.h>
#include <memory>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/data_files.hpp"
#include "cli/event_loops.hpp"
#include "cli/output.hpp"
#include "cli/store_flags.hpp"

namespace conduit::cli {
namespace {

struct recover_flags : store_flags {
  bool dry_run = false;
};

struct outcome {
  std::string text;
  std::uint64_t mended = 0;  // or to be mended
};

std::string describe(std::uint32_t number, const recovery_report& report, bool dry_run) {
  return fmt::format(
      "data file {}: torn behind frame {}, at offset {}: {} {} bytes that are no whole frame, and "
      "{} its table\n",
      number, report.frames, report.offset, dry_run ? "would cut off" : "cut off", report.cut_bytes,
      dry_run ? "write" : "wrote");
}

asio::awaitable<outcome> mend_files(flat_file_db db, bool dry_run) {
  outcome all;
  const std::vector<file_info> files = co_await db.files();
  progress shown("data files", files.size());
  for (const file_info& file : files) {
    recovery_report report;
    if (file.form == file_form::zstd) {
      if (dry_run) report = co_await db.examine_file(file.number);
      if (!dry_run) report = co_await db.recover_file(file.number);
    }
    if (report.outcome == recovery::mended) {
      all.text += describe(file.number, report, dry_run);
      ++all.mended;
    }
    shown.advance();
  }
  co_return all;
}

exit_status run_recover(const recover_flags& flags) {
  asio::io_context context;
  const flat_file_db db = flags.dry_run ? flags.open_reading(context)
                                        : flags.open_writing(context, missing_directory::refuse);
  outcome all = run_one(context, mend_files(db, flags.dry_run));
  // The remaining faults cannot be mended.
  survey left;
  if (!flags.dry_run || all.mended == 0) left = run_one(context, survey_files(db));
  if (!flags.dry_run) run_one(context, db.close());

  for (const verify_fault& fault : left.faults) all.text += sentence_of(fault) + '\n';
  if (!left.faults.empty()) {
    all.text +=
        "what stands above cannot be mended: the blobs at these places are lost or have to come "
        "from a backup\n";
  } else if (all.mended == 0) {
    all.text += fmt::format("{} data files, {} bytes, all readable: nothing to do\n", left.files,
                            left.bytes);
  }
  write_to_stdout(all.text);
  return left.faults.empty() ? exit_status::done : exit_status::corrupt;
}

}  // namespace

void add_recover(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<recover_flags>();
  CLI::App* command =
      program.add_subcommand("recover", "look for damage and mend what can be mended");
  flags->add_writer_to(*command);
  command->add_flag("--dry-run", flags->dry_run, "only say what would be done");
  command->callback([flags, &chosen] { chosen = [flags] { return run_recover(*flags); }; });
}

}  // namespace conduit::cli
