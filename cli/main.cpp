// kvreel: record what a language model does to its KV cache, and read what was recorded.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <exception>
#include <new>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
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

// Messages quote files, whose bytes may be anything; a terminal gets text, on one line.
void print_error(std::string_view message) {
  std::string line = to_utf8_lossy(message);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  fmt::print(stderr, "kvreel: {}\n", line);
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
    const bool asked_for_text = error.get_exit_code() == 0;  // --help, --version
    program.exit(error);
    return asked_for_text ? 0 : 2;
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
    kvreel::cli::print_error(error.what());
    return 2;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr,
               "kvreel: Out of memory. Use a smaller model, fewer or shorter prompts, or "
               "--kv-dtype bf16.\n");
    return 1;
  } catch (const std::exception& error) {
    kvreel::cli::print_error(error.what());
    return 1;
  }
}
