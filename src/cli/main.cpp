// The `ffdb` program. Everything is in run_program.
#include "cli/program.hpp"

int main(int argc, char** argv) { return conduit::cli::run_program(argc, argv); }
