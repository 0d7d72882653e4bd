// `ffdb stat`: the store as a whole, and the compression of each file.
#include <CLI/App.hpp>
#include <algorithm>
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

struct stat_flags : store_flags {
  bool json = false;
  bool per_file = false;
};

struct sizes {
  std::uint64_t plain = 0;
  std::uint64_t stored = 0;

  double ratio() const {
    return stored == 0 ? 1.0 : static_cast<double>(plain) / static_cast<double>(stored);
  }
};

sizes sizes_of(const file_info& file) { return {file.plain_bytes, file.stored_bytes}; }

// Counts the files that `ffdb compress` would compress.
std::int64_t count_backlog(const std::vector<file_info>& files) {
  return std::count_if(files.begin(), files.end(), [](const file_info& file) {
    return file.sealed && file.form == file_form::plain;
  });
}

void print_json(const std::vector<file_info>& files, const sizes& sum, std::string_view engine,
                bool per_file) {
  nlohmann::ordered_json all{{"files", files.size()},
                             {"plain_bytes", sum.plain},
                             {"stored_bytes", sum.stored},
                             {"ratio", sum.ratio()},
                             {"backend", engine}};
  if (per_file) {
    all["backlog"] = count_backlog(files);
    all["data_files"] = nlohmann::ordered_json::array();
    for (const file_info& file : files) {
      all["data_files"].push_back({{"number", file.number},
                                   {"form", word_of(file.form)},
                                   {"plain_bytes", file.plain_bytes},
                                   {"stored_bytes", file.stored_bytes},
                                   {"ratio", sizes_of(file).ratio()}});
    }
  }
  write_json_to_stdout(all);
}

void print_text(const std::vector<file_info>& files, const sizes& sum, std::string_view engine,
                bool per_file) {
  fmt::memory_buffer text;
  fmt::format_to(std::back_inserter(text),
                 "files\t{}\nplain bytes\t{}\nstored bytes\t{}\nratio\t{:.3f}\nbackend\t{}\n",
                 files.size(), sum.plain, sum.stored, sum.ratio(), engine);
  if (per_file) {
    fmt::format_to(std::back_inserter(text), "backlog\t{}\n", count_backlog(files));
    for (const file_info& file : files) {
      fmt::format_to(std::back_inserter(text), "{}\t{}\t{}\t{}\t{:.3f}\n", file.number,
                     word_of(file.form), file.plain_bytes, file.stored_bytes,
                     sizes_of(file).ratio());
    }
  }
  write_to_stdout(std::string_view(text.data(), text.size()));
}

exit_status run_stat(const stat_flags& flags) {
  asio::io_context context;
  const flat_file_db db = flags.open_reading(context);
  const std::vector<file_info> files = run_one(context, db.files());
  sizes sum;
  for (const file_info& file : files) {
    sum.plain += file.plain_bytes;
    sum.stored += file.stored_bytes;
  }
  (flags.json ? print_json : print_text)(files, sum, word_of(db.stats().backend), flags.per_file);
  return exit_status::done;
}

}  // namespace

void add_stat(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<stat_flags>();
  CLI::App* command = program.add_subcommand(
      "stat", "how many files and bytes the store holds, and how well they are compressed");
  flags->add_to(*command);
  command->add_flag("--json", flags->json, "as a JSON object");
  command->add_flag("--per-file", flags->per_file,
                    "each data file too, and how many sealed ones are not compressed");
  command->callback([flags, &chosen] { chosen = [flags] { return run_stat(*flags); }; });
}

}  // namespace conduit::cli
