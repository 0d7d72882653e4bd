// `ffdb import`: stores every regular file of some trees as a blob, and lists the locations in a
// manifest.
#include <CLI/App.hpp>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <conduit/flat_file_db.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/data_files.hpp"
#include "cli/event_loops.hpp"
#include "cli/ingest.hpp"
#include "cli/manifest.hpp"
#include "cli/output.hpp"
#include "cli/store_flags.hpp"
#include "cli/tree_walk.hpp"

namespace conduit::cli {
namespace {

// More threads gain nothing: one thread appends, and the others only read the sources.
constexpr unsigned default_threads_max = 4;
constexpr unsigned files_at_a_time = 64;

struct import_flags : store_flags {
  std::string manifest;
  std::vector<std::string> paths;
};

// Names the files that were not imported, and counts them.
class skip_log {
 public:
  void passed_over(const std::string& path, std::string_view why) {
    ++count_;
    say(fmt::format("skipped {}: {}", escape_path(path), why));
  }
  void unreadable(const std::string& path, const std::error_code& error) {
    all_read_ = false;
    passed_over(path, error.message());
  }

  std::uint64_t count() const noexcept { return count_; }
  bool all_read() const noexcept { return all_read_; }

 private:
  std::atomic<std::uint64_t> count_{0};
  std::atomic<bool> all_read_{true};
};

// The name may now refer to another object than when the directory was read: follow no link, and do
// not wait for a FIFO.
bool open_regular(source_file& file, skip_log& skipped,
                  const std::vector<file_identity>& own_files) {
  file.fd.reset(
      ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK));
  struct stat found{};
  if (!file.fd || ::fstat(file.fd.get(), &found) != 0) {
    skipped.unreadable(file.path, last_error());
  } else if (!S_ISREG(found.st_mode)) {
    skipped.passed_over(file.path, "not a regular file");
  } else if (contains(own_files, {found.st_dev, found.st_ino})) {
    skipped.passed_over(file.path, "the store's own");
  } else {
    file.size = static_cast<std::uint64_t>(found.st_size);
    return true;
  }
  return false;
}

// The destination of the manifest's lines.
class line_sink {
 public:
  // An empty path is standard output.
  explicit line_sink(const std::string& path) : name_(path.empty() ? "standard output" : path) {
    if (path.empty()) return;
    file_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666));
    if (!file_) throw failure(path, last_error());
  }
  int fd() const noexcept { return file_ ? file_.get() : STDOUT_FILENO; }
  void write(const std::string& line) const { write_all(fd(), line, name_); }

 private:
  unique_fd file_;
  std::string name_;
};

// The program's own output must not be stored as well: that would never end.
std::vector<file_identity> own_files_of(const import_flags& flags, const line_sink& lines) {
  std::vector<file_identity> own_files;
  for (const std::string& own :
       {flags.directory(), flags.lock_path(), fmt::format("/proc/self/fd/{}", lines.fd())}) {
    if (const auto identity = identity_of(own)) own_files.push_back(*identity);
  }
  return own_files;
}

exit_status run_import(const import_flags& flags) {
  event_loops loops(flags.threads());
  flat_file_db db = flags.open_writing(loops.home(), missing_directory::create);
  const line_sink manifest(flags.manifest);
  const std::vector<file_identity> own_files = own_files_of(flags, manifest);

  skip_log skipped;
  tree_walk walk(
      flags.paths, own_files,
      [&](const std::string& path, std::string_view why) { skipped.passed_over(path, why); },
      [&](const std::string& path, const std::error_code& error) {
        skipped.unreadable(path, error);
      });

  progress shown("files", 0);
  std::mutex lines;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  ingest_job job;
  job.files_at_a_time = files_at_a_time;
  job.next = [&]() -> std::optional<source_file> {
    while (std::optional<std::string> path = walk.next()) {
      source_file file;
      file.path = std::move(*path);
      if (open_regular(file, skipped, own_files)) return file;
    }
    return std::nullopt;
  };
  job.stored = [&](const source_file& file, const data_location& location) {
    std::lock_guard hold(lines);
    manifest.write(manifest_line(location, file.path));
    ++files;
    bytes += location.size();
    shown.advance();
  };
  job.unreadable = [&](const source_file& file, const std::error_code& error) {
    skipped.unreadable(file.path, error);
  };
  ingest(loops, db, job);
  if (flags.compresses_sealed_files())
    run_one(loops.home(), compress_sealed_files(db, [](const file_compression&) {}));
  run_one(loops.home(), db.close());
  say(fmt::format("imported {} files, {} bytes; skipped {}", files, bytes, skipped.count()));
  return skipped.all_read() ? exit_status::done : exit_status::failed;
}

}  // namespace

void add_import(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<import_flags>();
  CLI::App* command =
      program.add_subcommand("import",
                             "store every regular file of some trees; symbolic links are not "
                             "followed, and what is skipped is named on stderr");
  flags->add_writer_to(*command,
                       std::clamp(std::thread::hardware_concurrency(), 1U, default_threads_max));
  flags->add_put_to(*command);
  command->add_option(
      "--manifest", flags->manifest,
      "where the lines LOCATION<TAB>PATH go, replacing the file; default: standard output");
  command->add_option("PATH", flags->paths, "trees or files")->required();
  command->callback([flags, &chosen] { chosen = [flags] { return run_import(*flags); }; });
}

}  // namespace conduit::cli
