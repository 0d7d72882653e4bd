// `ffdb delete`: removes a sealed data file with all its blobs.
#include <CLI/App.hpp>
#include <fmt/format.h>
#include <memory>

#include "cli/commands.hpp"
#include "cli/event_loops.hpp"
#include "cli/store_flags.hpp"
#include "cli/words.hpp"

namespace conduit::cli {
namespace {

struct delete_flags : store_flags {
  std::string number;
};

exit_status run_delete(const delete_flags& flags) {
  const std::uint32_t number = parse_file_number(flags.number);
  asio::io_context context;
  const flat_file_db db = flags.open_writing(context, missing_directory::refuse);
  try {
    run_one(context, db.delete_file(number));
  } catch (const std::system_error& error) {
    throw failure(fmt::format("data file {}", number), error.code());
  }
  run_one(context, db.close());
  return exit_status::done;
}

}  // namespace

void add_delete(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<delete_flags>();
  CLI::App* command = program.add_subcommand("delete", "remove a sealed data file");
  flags->add_writer_to(*command);
  command->add_option("NUMBER", flags->number, "the data file's number, as `ls` prints it")
      ->required();
  command->callback([flags, &chosen] { chosen = [flags] { return run_delete(*flags); }; });
}

}  // namespace conduit::cli
