// kvreel info, compare and recover: what can be done with a trace without a model.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/visible_text.h"
#include "cli/commands.h"
#include "cli/open_trace.h"
#include "cli/output.h"
#include "exports/tables/compare.h"
#include "exports/tables/info.h"
#include "tracer/read/recover.h"
#include "tracer/read/trace.h"
#include "tracer/read/verify.h"

namespace kvreel::cli {
namespace {

// Returns the exit code.
int verify_trace(const std::string& path, bool as_json) {
  const auto start = std::chrono::steady_clock::now();
  const tracer::VerifyReport report = tracer::verify(path);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (as_json) {
    nlohmann::ordered_json damage = nlohmann::ordered_json::array();
    for (const std::string& sentence : report.damage) damage.push_back(to_utf8_lossy(sentence));
    print_json({{"path", to_utf8_lossy(path)},
                {"sound", report.damage.empty()},
                {"tables", report.tables},
                {"bytes", report.bytes},
                {"commits_checked", report.commits},
                {"seconds", seconds},
                {"damage", std::move(damage)}});
  } else if (report.damage.empty()) {
    fmt::print("{}: every byte of {} tables was read and is sound ({} in {:.2f} s{}).\n",
               visible_line(path), report.tables, format_bytes(report.bytes), seconds,
               report.commits > 0
                   ? fmt::format(", {} checksums of commits compared", report.commits)
                   : std::string());
  }
  flush_output();
  if (!as_json) {
    for (const std::string& sentence : report.damage) print_message(sentence + ".");
  }
  return report.damage.empty() ? 0 : 1;
}

}  // namespace

Command add_info(CLI::App& program) {
  struct Options {
    std::string trace;
    bool json = false;
    bool verify = false;
  };
  CLI::App* app = program.add_subcommand("info", "Say what a trace is and how it was made");
  const auto options = std::make_shared<Options>();
  app->add_option("trace", options->trace, "The trace")->required();
  app->add_flag("--json", options->json, "Print JSON");
  app->add_flag("--verify", options->verify,
                "Read every byte instead, and say whether all of it is there and sound");
  return {app, [options] {
            if (options->verify) return verify_trace(options->trace, options->json);
            const tracer::Trace trace = open_trace(options->trace);
            if (options->json) {
              print_json(exports::info_json(trace));
            } else {
              fmt::print("{}", exports::render_info_text(trace, output_width()));
            }
            flush_output();
            return 0;
          }};
}

Command add_compare(CLI::App& program) {
  struct Options {
    std::string trace;
    exports::CompareOptions compare;
    bool json = false;
  };
  CLI::App* app =
      program.add_subcommand("compare", "Compare runs: memory, time, outputs, beside a reference");
  const auto options = std::make_shared<Options>();
  app->add_option("trace", options->trace, "The trace")->required();
  app->add_option("--reference", options->compare.reference,
                  "The run to compare with (default: full, else the first)");
  app->add_option("--by", options->compare.by,
                  "Group by a field of the prompt records, such as task");
  app->add_option("--run", options->compare.runs, "Only this run; may be given several times")
      ->allow_extra_args(false);
  app->add_option("--sample", options->compare.samples,
                  "Only this sample (id or number); may be given several times")
      ->allow_extra_args(false);
  app->add_flag("--json", options->json, "Print JSON, with every sample");
  return {app, [options] {
            const tracer::Trace trace = open_trace(options->trace);
            const exports::Comparison comparison = exports::compare(trace, options->compare);
            if (options->json) {
              print_json(exports::compare_json(comparison));
            } else {
              fmt::print("{}", exports::render_compare_text(comparison, output_width()));
            }
            flush_output();
            return 0;
          }};
}

Command add_recover(CLI::App& program) {
  struct Options {
    std::string trace;
    std::string output;
    bool force = false;
  };
  CLI::App* app = program.add_subcommand(
      "recover", "Make a clean trace of one whose recording was killed or cut short");
  const auto options = std::make_shared<Options>();
  app->add_option("trace", options->trace, "The trace; it is only read")->required();
  app->add_option("-o,--output", options->output, "The clean trace to write")
      ->required()
      ->type_name("FILE");
  app->add_flag("--force", options->force, "Replace an existing file");
  return {app, [options] {
            const tracer::RecoverReport report =
                tracer::recover(options->trace, options->output, options->force);
            fmt::print("Wrote {} ({}): {} finished passes{}.\n", visible_line(options->output),
                       format_bytes(report.output_bytes), report.complete_passes,
                       report.incomplete_pass ? " and the beginning of one more" : "");
            flush_output();
            if (!report.warning.empty()) print_message(report.warning + ".");
            return 0;
          }};
}

}  // namespace kvreel::cli
