// `ffdb export`: writes the blobs of a manifest as files below a directory.
#include <CLI/App.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <sys/resource.h>
#include <unordered_set>
#include <utility>

#include "base/unique_fd.hpp"
#include "cli/blob_reading.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/output.hpp"
#include "cli/store_flags.hpp"

namespace conduit::cli {
namespace {

namespace fs = std::filesystem;

// Bounds the written files that the kernel has not yet brought to the disk. Gigabytes of them at
// once would fill the disk's queue, and appends to a store on the same disk would wait behind it.
class paced_files {
 public:
  // Adds a completely written file. Beyond the bound this writes the oldest ones to the disk,
  // little at a time, and waits for that. Nothing is made durable, and nothing is left to do at the
  // end: the kernel writes the files below the bound.
  void add(unique_fd file, std::uint64_t bytes);

 private:
  struct entry {
    unique_fd file;
    std::uint64_t bytes;
    std::uint64_t written = 0;
  };

  void write_some();

  std::deque<entry> files_;
  std::uint64_t bytes_ = 0;
};

// A durable put of another process waits, in the journal, for most of the unwritten bytes. Measured
// on ext4, 32 MiB: at most 84 ms; no bound: 264 to 486 ms.
constexpr std::uint64_t unwritten_max = 32U << 20;
// Descriptors are few, and the files being written need most of them.
std::size_t files_max() noexcept {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return 1;
  return static_cast<std::size_t>(std::clamp<rlim_t>(descriptors.rlim_cur / 16, 1, 64));
}

// The disk gets this much at a time, and export waits for it.
constexpr std::uint64_t piece_bytes = 4U << 20;

void paced_files::add(unique_fd file, std::uint64_t bytes) {
  bytes_ += bytes;
  files_.push_back({std::move(file), bytes});
  while (bytes_ > unwritten_max || files_.size() > files_max()) write_some();
}

// Writes a part of the oldest file, or several small ones at once. An error is no reason to stop:
// nothing was promised.
void paced_files::write_some() {
  std::uint64_t begun = 0;
  std::size_t count = 0;
  for (entry& one : files_) {
    const std::uint64_t part = std::min(one.bytes - one.written, piece_bytes - begun);
    ::sync_file_range(one.file.get(), static_cast<off64_t>(one.written), static_cast<off64_t>(part),
                      SYNC_FILE_RANGE_WRITE);
    begun += part;
    ++count;
    if (begun == piece_bytes) break;
  }
  for (; count != 0; --count) {
    entry& oldest = files_.front();
    const std::uint64_t part = std::min(oldest.bytes - oldest.written, begun);
    constexpr unsigned wait =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    ::sync_file_range(oldest.file.get(), static_cast<off64_t>(oldest.written),
                      static_cast<off64_t>(part), wait);
    oldest.written += part;
    begun -= part;
    bytes_ -= part;
    if (oldest.written == oldest.bytes) {
      // The machine will hardly read the copy next: in memory it would displace pages that the
      // store's readers need, and the kernel would keep a core busy to make room. Beside an export
      // of 4 GB puts took at most 41 ms with this, 155 ms without.
      ::posix_fadvise(oldest.file.get(), 0, 0, POSIX_FADV_DONTNEED);
      files_.pop_front();
    }
  }
}

struct export_flags : store_flags {
  std::string manifest;
  std::string to;
};

// The place of a manifest's path below the target directory. Rejects a path that would leave the
// directory, or name no file: a manifest may come from anybody.
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

// A file that fails does not keep the others from being written.
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
  const flat_file_db db = flags.open_reading_once(loops.home());
  const std::vector<manifest_entry> entries = read_manifest(flags.manifest);
  // All paths are checked before the first file is written.
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
