// `ffdb export`: writes the blobs of a manifest as files below a directory.
#include <CLI/App.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <unordered_set>

#include "cli/blob_reading.hpp"
#include "cli/blob_visits.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/output_file.hpp"
#include "cli/paced_files.hpp"
#include "cli/store_flags.hpp"

namespace conduit::cli {
namespace {

namespace fs = std::filesystem;

struct export_flags : store_flags {
  std::string manifest;
  std::string to;
};

// Where a manifest's path lies below the target directory. A path that would leave it, or name no
// file, is refused: a manifest may come from anybody.
fs::path relative_target(const std::string& path) {
  const fs::path relative = fs::path(path).relative_path();
  for (const fs::path& component : relative) {
    if (component == "..")
      throw failure(exit_status::failed,
                    fmt::format("the manifest's path '{}' has a '..' in it", escape_path(path)));
  }
  const fs::path name = relative.filename();
  if (name.empty() || name == "." || path.find('\0') != std::string::npos) {
    throw failure(exit_status::failed,
                  fmt::format("the manifest's path '{}' names no file", escape_path(path)));
  }
  return relative;
}

// The directories of an export, each made once.
class target_directories {
 public:
  explicit target_directories(fs::path root) : root_(std::move(root)) { make(root_); }

  fs::path prepare(const fs::path& relative) {
    fs::path target = root_ / relative;
    make(target.parent_path());
    return target;
  }

 private:
  void make(const fs::path& directory) {
    if (!made_.insert(directory.native()).second) return;
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) throw failure(directory.native(), error);
  }

  fs::path root_;
  std::unordered_set<std::string> made_;
};

asio::awaitable<void> export_blob(flat_file_db db, const manifest_entry& entry,
                                  target_directories& directories, paced_files& written) {
  output_file file(directories.prepare(relative_target(entry.path)));
  const byte_sink sink = [&file](std::span<const std::byte> bytes) { file.write(bytes); };
  co_await read_blob(std::move(db), entry.location, slice(), sink);
  written.add(file.commit(), entry.location.size());
}

// One file that fails does not keep the others from being written.
asio::awaitable<void> try_export_blob(flat_file_db db, const manifest_entry& entry,
                                      target_directories& directories, paced_files& written,
                                      exit_status& worst, progress& shown) {
  try {
    co_await export_blob(std::move(db), entry, directories, written);
  } catch (const failure& error) {
    worst = worse(worst, error.status());
    say(fmt::format("{}: {}", escape_path(entry.path), error.what()));
  }
  shown.advance();
}

exit_status run_export(const export_flags& flags) {
  event_loops loops(1);
  const flat_file_db db = flags.open_reading(loops.home());
  const std::vector<manifest_entry> entries = read_manifest(flags.manifest);
  // All paths are looked at before the first file is written.
  for (const manifest_entry& entry : entries) (void)relative_target(entry.path);

  target_directories directories(flags.to);
  paced_files written;
  progress shown("blobs", entries.size());
  exit_status worst = exit_status::done;
  visit_blobs(loops, entries, [&](const manifest_entry& entry) {
    return try_export_blob(db, entry, directories, written, worst, shown);
  });
  return worst;
}

}  // namespace

void add_export(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<export_flags>();
  CLI::App* command = program.add_subcommand("export", "write the blobs of a manifest as files");
  flags->add_to(*command);
  command
      ->add_option("--manifest", flags->manifest, "the lines LOCATION<TAB>PATH that `import` wrote")
      ->required();
  command
      ->add_option("--to", flags->to,
                   "the directory to write into; a path's leading '/' is dropped")
      ->required();
  command->callback([flags, &chosen] { chosen = [flags] { return run_export(*flags); }; });
}

}  // namespace conduit::cli
