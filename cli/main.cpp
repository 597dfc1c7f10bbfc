// kvreel: record what a language model does to its KV cache, and read what was recorded.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <exception>
#include <new>
#include <sstream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/visible_text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/version.h"

namespace kvreel::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  kvreel record --model ~/models/Qwen2.5-0.5B-Instruct --prompts questions.jsonl --chat \
                --policy full --policy refreekv --policy refreekv:threshold=5% -o trace.h5
  kvreel info trace.h5
  kvreel compare trace.h5
  kvreel export trace.h5 --table decisions -o decisions.csv
  kvreel export trace.h5 --figure threshold-budget -o figure.pdf
  kvreel view trace.h5

Exit codes: 0 done, 1 it failed (one sentence says why), 2 the command was written wrongly, 130 interrupted.)";

void print_out_of_memory(std::string_view command) {
  print_message(fmt::format(
      "Out of memory while '{}' ran; {}.", command,
      command == "record" ? "use a smaller model, fewer or shorter prompts, or --kv-dtype bf16"
                          : "choose less of the trace (--run, --sample), or use a machine "
                            "with more memory"));
}

// What CLI11 says of a command holds its words, which a shell may have taken from a directory's
// names: every line of it is made visible.
int print_usage(CLI::App& program, const CLI::ParseError& error) {
  const bool asked_for_text = error.get_exit_code() == 0;  // --help, --version
  std::ostringstream out;
  program.exit(error, out, out);
  fmt::print(asked_for_text ? stdout : stderr, "{}", visible_lines(out.str()));
  return asked_for_text ? 0 : 2;
}

int run(int argc, char** argv) {
  CLI::App program(
      "kvreel records which tokens a KV-cache policy lets go, why, in which order, and what it "
      "costs in time and "
      "bytes, into one HDF5 trace.",
      "kvreel");
  program.set_version_flag("--version", version_text());
  program.require_subcommand(1);
  program.footer(kExamples);
  const std::array commands = {add_record(program, argc, argv),
                               add_info(program),
                               add_compare(program),
                               add_check_reference(program),
                               add_export(program, argc, argv),
                               add_recover(program),
                               add_view(program)};
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return print_usage(program, error);
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return 2;
}

}  // namespace
}  // namespace kvreel::cli

int main(int argc, char** argv) {
  try {
    return kvreel::cli::run(argc, argv);
  } catch (const kvreel::UsageError& error) {
    kvreel::cli::print_message(error.what());
    return 2;
  } catch (const std::bad_alloc&) {
    kvreel::cli::print_out_of_memory(argc > 1 ? argv[1] : "kvreel");
    return 1;
  } catch (const std::exception& error) {
    kvreel::cli::print_message(error.what());
    return 1;
  }
}
