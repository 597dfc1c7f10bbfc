// kvreel check-reference: recorded decisions beside those of the released code.
#include <fmt/format.h>

#include <memory>

#include "base/visible_text.h"
#include "cli/commands.h"
#include "cli/open_trace.h"
#include "cli/output.h"
#include "exports/reference/check_reference.h"
#include "exports/reference/check_report.h"
#include "tracer/read/trace.h"

namespace kvreel::cli {

Command add_check_reference(CLI::App& program) {
  struct Options {
    std::string trace;
    std::string format = "text";
    exports::CheckOptions check;
  };
  CLI::App* app = program.add_subcommand(
      "check-reference", "Compare ReFreeKV's decisions with those of the code released with it");
  app->footer(
      "Recomputes the released code's decisions from recorded attention rows: record with\n"
      "--attention-rows, or --attention-rows=8 for the released script's variant, too.\n"
      "docs/check-reference.md explains variants and reasons. Exit code 1: a decision differs from "
      "the\nrun's own variant and nothing explains it.");
  const auto options = std::make_shared<Options>();
  app->add_option("trace", options->trace, "The trace")->required();
  app->add_option("--run", options->check.runs,
                  "Only this run; may be given several times (default: every refreekv run)")
      ->allow_extra_args(false);
  app->add_option("--tolerance", options->check.tolerance,
                  "Largest difference of a distance from the threshold that counts as a tie")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app->add_option("--list", options->check.listed, "Differences to list of each variant")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  return {app, [options] {
            const tracer::Trace trace = open_trace(options->trace);
            const exports::CheckReport report = exports::check_reference(trace, options->check);
            if (options->format == "json") {
              print_json(exports::check_json(report));
            } else {
              fmt::print("{}", exports::render_check_text(report));
            }
            flush_output();
            if (report.unexplained() == 0) return 0;
            fmt::print(stderr,
                       "kvreel: {} of the decisions in {} differ from the released code's, and "
                       "nothing explains it.\n",
                       report.unexplained(), visible_line(options->trace));
            return 1;
          }};
}

}  // namespace kvreel::cli
