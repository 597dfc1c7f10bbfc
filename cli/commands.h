// The subcommands. Each adds its options to the program and, when chosen, does its work in the
// returned function.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace kvreel::cli {

// Returns the exit code: 0 done, 1 a failure that was printed, 130 interrupted.
using Action = std::function<int()>;

struct Command {
  CLI::App* app = nullptr;
  Action run;
};

Command add_record(CLI::App& program, int argc, char** argv);
Command add_info(CLI::App& program);
Command add_compare(CLI::App& program);
Command add_check_reference(CLI::App& program);
Command add_export(CLI::App& program, int argc, char** argv);
Command add_recover(CLI::App& program);
Command add_view(CLI::App& program);

}  // namespace kvreel::cli
