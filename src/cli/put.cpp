// `ffdb put`: each FILE becomes a blob.
#include <CLI/App.hpp>
#include <atomic>
#include <cerrno>
#include <conduit/flat_file_db.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/data_files.hpp"
#include "cli/event_loops.hpp"
#include "cli/ingest.hpp"
#include "cli/manifest.hpp"
#include "cli/output.hpp"
#include "cli/store_flags.hpp"

namespace conduit::cli {
namespace {

struct put_flags : store_flags {
  std::vector<std::string> files;
};

// Reads any named file to its end, a pipe too.
source_file open_named(const std::string& path, std::error_code& error) {
  source_file file;
  file.path = path;
  // A copy of standard input, so that it can be named twice without being closed in between.
  file.fd.reset(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                            : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  struct stat found{};
  if (!file.fd || ::fstat(file.fd.get(), &found) != 0) {
    error = last_error();
  } else {
    file.size = static_cast<std::uint64_t>(found.st_size);
  }
  return file;
}

exit_status run_put(const put_flags& flags) {
  event_loops loops(flags.threads());
  flat_file_db db = flags.open_writing(loops.home(), missing_directory::create);
  std::atomic<std::size_t> next_file{0};
  std::atomic<bool> all_read{true};
  std::mutex output;

  ingest_job job;
  // One thread stores the files in their order, each acknowledged before the next is read.
  job.files_at_a_time = flags.threads();
  job.unreadable = [&](const source_file& file, const std::error_code& error) {
    all_read = false;
    say(fmt::format("{}: {}", escape_path(file.path), error.message()));
  };
  job.next = [&]() -> std::optional<source_file> {
    for (;;) {
      const std::size_t index = next_file++;
      if (index >= flags.files.size()) return std::nullopt;
      std::error_code error;
      source_file file = open_named(flags.files[index], error);
      if (!error) return file;
      job.unreadable(file, error);
    }
  };
  job.stored = [&](const source_file& file, const data_location& location) {
    std::lock_guard hold(output);
    write_to_stdout(manifest_line(location, file.path));
  };
  ingest(loops, db, job);
  if (flags.compresses_sealed_files())
    run_one(loops.home(), compress_sealed_files(db, [](const file_compression&) {}));
  run_one(loops.home(), db.close());
  return all_read ? exit_status::done : exit_status::failed;
}

}  // namespace

void add_put(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<put_flags>();
  CLI::App* command =
      program.add_subcommand("put", "store files as blobs; prints LOCATION<TAB>PATH for each");
  flags->add_writer_to(*command);
  flags->add_put_to(*command);
  command->add_option("FILE", flags->files, "files to store, '-' for standard input")->required();
  command->callback([flags, &chosen] { chosen = [flags] { return run_put(*flags); }; });
}

}  // namespace conduit::cli
