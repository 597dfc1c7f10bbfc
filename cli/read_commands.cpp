// kvreel info, compare and recover: what can be done with a trace without a model.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "exports/tables/compare.h"
#include "exports/tables/info.h"
#include "tracer/read/recover.h"
#include "tracer/read/trace.h"

namespace kvreel::cli {
namespace {

void print_json(const nlohmann::ordered_json& value) {
  fmt::print("{}\n", value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

Command add_info(CLI::App& program) {
  struct Options {
    std::string trace;
    bool json = false;
  };
  CLI::App* app = program.add_subcommand("info", "Say what a trace is and how it was made");
  const auto options = std::make_shared<Options>();
  app->add_option("trace", options->trace, "The trace")->required();
  app->add_flag("--json", options->json, "Print JSON");
  return {app, [options] {
            const tracer::Trace trace = tracer::Trace::open(options->trace);
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
            const tracer::Trace trace = tracer::Trace::open(options->trace);
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
            fmt::print("Wrote {} ({}): {} finished passes{}.\n", options->output,
                       format_bytes(report.output_bytes), report.complete_passes,
                       report.incomplete_pass ? " and the beginning of one more" : "");
            return 0;
          }};
}

}  // namespace kvreel::cli
