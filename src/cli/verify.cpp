// `ffdb verify`: reads everything and reports faults.
#include <CLI/App.hpp>
#include <fmt/format.h>
#include <memory>

#include "cli/blob_reading.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/data_files.hpp"
#include "cli/output.hpp"
#include "cli/store_flags.hpp"

namespace conduit::cli {
namespace {

struct verify_flags : store_flags {
  std::string manifest;
  bool json = false;
};

struct blob_fault {
  const manifest_entry* entry;
  std::string error;
};

// Reads the blob and compares its checksum; the bytes are discarded.
asio::awaitable<void> check_blob(flat_file_db db, const manifest_entry& entry,
                                 std::vector<blob_fault>& faults, progress& shown) {
  const byte_sink nowhere = [](std::span<const std::byte>) {};
  try {
    co_await read_blob(std::move(db), entry.location, slice(), nowhere);
  } catch (const failure& error) {
    faults.push_back({&entry, error.what()});
  }
  shown.advance();
}

std::vector<blob_fault> check_blobs(event_loops& loops, const flat_file_db& db,
                                    const std::vector<manifest_entry>& entries) {
  std::vector<blob_fault> faults;
  progress shown("blobs", entries.size());
  visit_blobs(loops, entries,
              [&](const manifest_entry& entry) { return check_blob(db, entry, faults, shown); });
  return faults;
}

void print_json(const survey& all, std::size_t blobs, const std::vector<blob_fault>& blob_faults) {
  auto faults = nlohmann::ordered_json::array();
  for (const verify_fault& fault : all.faults) {
    faults.push_back({{"file", fault.file},
                      {"frame", fault.frame},
                      {"offset", fault.offset},
                      {"error", fault.error.message()}});
  }
  for (const blob_fault& fault : blob_faults) {
    const data_location& where = fault.entry->location;
    const std::string error = fmt::format("{} ({})", fault.error, fault.entry->path);
    faults.push_back(
        {{"file", where.file_number}, {"frame", 0}, {"offset", where.start}, {"error", error}});
  }
  write_json_to_stdout(
      {{"files", all.files}, {"frames", all.frames}, {"blobs", blobs}, {"faults", faults}});
}

void print_text(const survey& all, std::size_t blobs, const std::vector<blob_fault>& blob_faults) {
  std::string text;
  for (const verify_fault& fault : all.faults) text += sentence_of(fault) + '\n';
  for (const blob_fault& fault : blob_faults)
    text += fmt::format("{} ({})\n", fault.error, escape_path(fault.entry->path));
  write_to_stdout(fmt::format("{}files {}, frames {}, blobs {}, faults {}\n", text, all.files,
                              all.frames, blobs, all.faults.size() + blob_faults.size()));
}

exit_status run_verify(const verify_flags& flags) {
  event_loops loops(1);
  const flat_file_db db = flags.open_reading_once(loops.home());
  std::vector<manifest_entry> entries;
  if (!flags.manifest.empty()) entries = read_manifest(flags.manifest);

  const survey all = run_one(loops.home(), survey_files(db));
  const std::vector<blob_fault> blob_faults = check_blobs(loops, db, entries);
  (flags.json ? print_json : print_text)(all, entries.size(), blob_faults);
  return all.faults.empty() && blob_faults.empty() ? exit_status::done : exit_status::corrupt;
}

}  // namespace

void add_verify(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<verify_flags>();
  CLI::App* command = program.add_subcommand(
      "verify", "read and check all data files, and the blobs of a manifest");
  flags->add_to(*command);
  command->add_option("--manifest", flags->manifest,
                      "the lines LOCATION<TAB>PATH of the blobs to check too");
  command->add_flag("--json", flags->json, "as a JSON object");
  command->callback([flags, &chosen] { chosen = [flags] { return run_verify(*flags); }; });
}

}  // namespace conduit::cli
