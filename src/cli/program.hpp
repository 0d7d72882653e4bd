// The command line as a whole: commands, parsing, and the exit status.
#pragma once

namespace conduit::cli {

int run_program(int argc, char** argv);

}  // namespace conduit::cli
