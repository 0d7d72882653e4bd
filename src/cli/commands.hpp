// The commands of the program. Each adds itself, with its options, to the parser; the parser sets
// `chosen` to the action once it has accepted the whole command line.
#pragma once

#include <CLI/App.hpp>
#include <functional>

#include "cli/exit_status.hpp"

namespace conduit::cli {

// May throw `failure` or any other exception: run_program reports it.
using command_action = std::function<exit_status()>;

void add_put(CLI::App& program, command_action& chosen);
void add_get(CLI::App& program, command_action& chosen);
void add_import(CLI::App& program, command_action& chosen);
void add_export(CLI::App& program, command_action& chosen);
void add_ls(CLI::App& program, command_action& chosen);
void add_stat(CLI::App& program, command_action& chosen);
void add_verify(CLI::App& program, command_action& chosen);
void add_recover(CLI::App& program, command_action& chosen);
void add_roll(CLI::App& program, command_action& chosen);
void add_delete(CLI::App& program, command_action& chosen);
void add_compress(CLI::App& program, command_action& chosen);
void add_bench(CLI::App& program, command_action& chosen);
void add_doctor(CLI::App& program, command_action& chosen);

}  // namespace conduit::cli
