// `ffdb get`: one blob, or a slice of it, to standard output or into a file.
#include <CLI/App.hpp>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/blob_reading.hpp"
#include "cli/commands.hpp"
#include "cli/event_loops.hpp"
#include "cli/output.hpp"
#include "cli/store_flags.hpp"
#include "cli/words.hpp"

namespace conduit::cli {
namespace {

struct get_flags : store_flags {
  std::string location;
  std::string slice_text;
  std::string output;
};

// /dev/null or a FIFO cannot appear whole, and must not be replaced: it is written to like standard
// output.
bool is_special(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode);
}

// A file is written through a symbolic link, as with the shell's '>'.
std::filesystem::path real_target(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return error ? std::filesystem::path(path) : real;
}

exit_status run_get(const get_flags& flags) {
  const data_location location = parse_location(flags.location);
  const slice part = flags.slice_text.empty() ? slice() : parse_slice(flags.slice_text);
  asio::io_context context;
  const flat_file_db db = flags.open_reading(context);

  if (flags.output.empty()) {
    const byte_sink sink = [](std::span<const std::byte> bytes) {
      write_all(STDOUT_FILENO, bytes, "standard output");
    };
    run_one(context, read_blob(db, location, part, sink));
  } else if (is_special(flags.output)) {
    const unique_fd special(::open(flags.output.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!special) throw failure(flags.output, last_error());
    const byte_sink sink = [&](std::span<const std::byte> bytes) {
      write_all(special.get(), bytes, flags.output);
    };
    run_one(context, read_blob(db, location, part, sink));
  } else {
    output_file file(real_target(flags.output));
    const byte_sink sink = [&](std::span<const std::byte> bytes) { file.write(bytes); };
    run_one(context, read_blob(db, location, part, sink));
    file.commit();
  }
  return exit_status::done;
}

}  // namespace

void add_get(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<get_flags>();
  CLI::App* command = program.add_subcommand("get", "write a blob to standard output");
  flags->add_to(*command);
  command->add_option("LOCATION", flags->location, "as `put` printed it")->required();
  command->add_option("--slice", flags->slice_text,
                      "START:END, bytes of the blob; without END, or with 0, to the blob's end");
  command->add_option("-o,--output", flags->output,
                      "a file, which appears only when it is whole; default: standard output");
  command->callback([flags, &chosen] { chosen = [flags] { return run_get(*flags); }; });
}

}  // namespace conduit::cli
