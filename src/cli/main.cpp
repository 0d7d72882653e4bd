// The `ffdb` program: its commands, the parsing of its arguments, and its exit status.
#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <new>
#include <system_error>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/exit_status.hpp"

namespace conduit::cli {
namespace {

// A closed pipe and a file size limit are errors to report, not signals to die from in the middle
// of an append.
void prepare_process() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  // A data file must never be opened as descriptor 0, 1 or 2: messages would be written into it. A
  // closed descriptor stays unusable: its replacement is open for the wrong direction.
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0)
      (void)!::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

int leave(exit_status status) { return static_cast<int>(status); }

int run_reporting(const command_action& action) {
  try {
    return leave(action());
  } catch (const failure& error) {
    say(error.what());
    return leave(error.status());
  } catch (const std::system_error& error) {
    say(error.what());
    return leave(status_of(error.code()));
  } catch (const std::bad_alloc&) {
    say("not enough memory");
  } catch (const std::exception& error) {
    say(error.what());
  }
  return leave(exit_status::failed);
}

int run_program(int argc, char** argv) {
  prepare_process();
  CLI::App program("ffdb: an append-only store of blobs on flat files", "ffdb");
  program.require_subcommand(1);
  program.set_version_flag("--version", CONDUIT_VERSION);
  program.footer(
      "Sizes take the suffixes K, M and G (powers of 1024).\n"
      "Exit status: 0 done; 1 the operation failed; 2 wrong usage; 3 data found corrupt; 4 no such "
      "data file, or out of range.");
  command_action chosen;
  add_put(program, chosen);
  add_get(program, chosen);
  add_import(program, chosen);
  add_export(program, chosen);
  add_ls(program, chosen);
  add_stat(program, chosen);
  add_verify(program, chosen);
  add_recover(program, chosen);
  add_roll(program, chosen);
  add_delete(program, chosen);
  add_compress(program, chosen);
  add_bench(program, chosen);
  add_doctor(program, chosen);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return leave(program.exit(error) == 0 ? exit_status::done : exit_status::usage);
  }
  return run_reporting(chosen);
}

}  // namespace
}  // namespace conduit::cli

int main(int argc, char** argv) { return conduit::cli::run_program(argc, argv); }
