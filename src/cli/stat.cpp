// `ffdb stat`: the store as a whole.
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

struct stat_flags : store_flags {
  bool json = false;
};

double ratio_of(std::uint64_t plain, std::uint64_t stored) {
  return stored == 0 ? 1.0 : static_cast<double>(plain) / static_cast<double>(stored);
}

exit_status run_stat(const stat_flags& flags) {
  asio::io_context context;
  const flat_file_db db = flags.open_reading(context);
  const std::vector<file_info> files = run_one(context, db.files());
  std::uint64_t plain = 0;
  std::uint64_t stored = 0;
  std::size_t uncompressed = 0;
  auto data_files = nlohmann::ordered_json::array();
  for (const file_info& file : files) {
    plain += file.plain_bytes;
    stored += file.stored_bytes;
    if (file.sealed && file.form == file_form::plain) ++uncompressed;
    data_files.push_back({{"number", file.number},
                          {"form", word_of(file.form)},
                          {"plain_bytes", file.plain_bytes},
                          {"stored_bytes", file.stored_bytes},
                          {"ratio", ratio_of(file.plain_bytes, file.stored_bytes)}});
  }
  const double ratio = ratio_of(plain, stored);
  const std::string_view engine = word_of(db.stats().backend);
  if (flags.json) {
    write_json_to_stdout({{"files", files.size()},
                          {"plain_bytes", plain},
                          {"stored_bytes", stored},
                          {"ratio", ratio},
                          {"backend", engine},
                          {"sealed_plain_files", uncompressed},
                          {"data_files", data_files}});
  } else {
    write_to_stdout(fmt::format("files\t{}\nplain bytes\t{}\nstored bytes\t{}\nratio\t{:.3f}\nbackend\t{}\nsealed plain files\t{}\n",
                                files.size(), plain, stored, ratio, engine, uncompressed));
  }
  return exit_status::done;
}

}  // namespace

void add_stat(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<stat_flags>();
  CLI::App* command = program.add_subcommand("stat", "how many files and bytes the store holds");
  flags->add_to(*command);
  command->add_flag("--json", flags->json, "as a JSON object");
  command->callback([flags, &chosen] { chosen = [flags] { return run_stat(*flags); }; });
}

}  // namespace conduit::cli
