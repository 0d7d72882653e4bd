// `ffdb compress`: sealed plain files become compressed ones, under the same locations.
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

struct compress_flags : store_flags {
  std::vector<std::uint32_t> numbers;
  bool json = false;
};

nlohmann::ordered_json members_of(const file_compression& one) {
  return {{"plain_bytes", one.plain_bytes},
          {"stored_bytes", one.stored_bytes},
          {"ratio", one.ratio()},
          {"frames", one.frames},
          {"encode_us", one.encode_us},
          {"frame_bytes", one.frame_bytes},
          {"level", one.level}};
}

void print_json(const compression_report& report) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const file_compression& one : report.files) {
    nlohmann::ordered_json file{{"number", one.number}};
    file.update(members_of(one));
    files.push_back(std::move(file));
  }
  write_json_to_stdout({{"files", std::move(files)}, {"sum", members_of(report.sum)}});
}

exit_status run_compress(const compress_flags& flags) {
  asio::io_context context;
  const flat_file_db db = flags.open_writing(context, missing_directory::refuse);
  // A printed file is done; the first failure ends the command.
  const auto print = [&](const file_compression& done) {
    if (!flags.json)
      write_to_stdout(
          fmt::format("{}\t{}\t{}\n", done.number, done.plain_bytes, done.stored_bytes));
  };
  run_one(context, flags.numbers.empty() ? compress_sealed_files(db, print)
                                         : compress_files(db, flags.numbers, print));
  if (flags.json) print_json(db.compression());
  run_one(context, db.close());
  return exit_status::done;
}

}  // namespace

void add_compress(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<compress_flags>();
  CLI::App* command = program.add_subcommand(
      "compress", "compress sealed plain files; their blobs keep their locations");
  flags->add_writer_to(*command);
  flags->set_compressing();
  command->add_flag("--json", flags->json,
                    "statistics as a JSON object, of what was compressed now");
  command->add_option("NUMBER", flags->numbers, "data files; default: all sealed plain ones");
  command->callback([flags, &chosen] { chosen = [flags] { return run_compress(*flags); }; });
}

}  // namespace conduit::cli
