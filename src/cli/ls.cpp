// `ffdb ls`: one line for each data file.
#include <CLI/App.hpp>
#include <fmt/format.h>
#include <iterator>
#include <memory>

#include "cli/commands.hpp"
#include "cli/event_loops.hpp"
#include "cli/output.hpp"
#include "cli/store_flags.hpp"
#include "cli/words.hpp"

namespace conduit::cli {
namespace {

struct ls_flags : store_flags {
  bool json = false;
};

std::string_view state_word(const file_info& file) { return file.sealed ? "sealed" : "mutable"; }

exit_status run_ls(const ls_flags& flags) {
  asio::io_context context;
  const flat_file_db db = flags.open_reading(context);
  const std::vector<file_info> files = run_one(context, db.files());
  if (flags.json) {
    auto list = nlohmann::ordered_json::array();
    for (const file_info& file : files) {
      list.push_back({{"number", file.number},
                      {"form", word_of(file.form)},
                      {"state", state_word(file)},
                      {"plain_bytes", file.plain_bytes},
                      {"stored_bytes", file.stored_bytes}});
    }
    write_json_to_stdout(list);
    return exit_status::done;
  }
  fmt::memory_buffer lines;
  for (const file_info& file : files) {
    fmt::format_to(std::back_inserter(lines), "{}\t{}\t{}\t{}\t{}\n", file.number,
                   word_of(file.form), state_word(file), file.plain_bytes, file.stored_bytes);
  }
  write_to_stdout(std::string_view(lines.data(), lines.size()));
  return exit_status::done;
}

}  // namespace

void add_ls(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<ls_flags>();
  CLI::App* command = program.add_subcommand(
      "ls", "list the data files: number, form, state, plain and stored bytes");
  flags->add_to(*command);
  command->add_flag("--json", flags->json, "as a JSON array");
  command->callback([flags, &chosen] { chosen = [flags] { return run_ls(*flags); }; });
}

}  // namespace conduit::cli
