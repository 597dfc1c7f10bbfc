// kvreel info, compare, export and recover: what can be done with a trace without a model.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "exports/tables/compare.h"
#include "exports/tables/info.h"
#include "exports/tables/tables.h"
#include "tracer/read/recover.h"
#include "tracer/read/trace.h"

namespace kvreel::cli {
namespace {

// Columns to lay text out for: the terminal's, or what fits a page where there is none.
size_t output_width() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? std::max<size_t>(size.ws_col, 40) : 100;
}

void print_json(const nlohmann::ordered_json& value) {
  fmt::print("{}\n", value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void flush_output() {
  if (std::fflush(stdout) != 0 || !std::cout.flush()) {
    fail("Cannot write the output: the pipe or the disk did not take it.");
  }
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

Command add_export(CLI::App& program) {
  struct Options {
    std::string trace;
    std::string table;
    std::string format = "csv";
    std::string output;
    exports::Filter filter;
    int32_t layer = -1;
    bool list = false;
    bool bare = false;
    bool force = false;
  };
  CLI::App* app = program.add_subcommand("export", "Write a trace's tables as CSV, JSON or text");
  const auto options = std::make_shared<Options>();
  app->add_option("trace", options->trace, "The trace");
  app->add_option("--table", options->table, "The table; --list names them")->type_name("NAME");
  app->add_flag("--list", options->list, "List the tables");
  app->add_option("--format", options->format, "csv, json or text")
      ->check(CLI::IsMember({"csv", "json", "text"}))
      ->capture_default_str();
  app->add_option("-o,--output", options->output, "The file to write (default: standard output)")
      ->type_name("FILE");
  app->add_flag("--force", options->force, "Replace an existing file");
  app->add_option("--run", options->filter.runs, "Only this run; may be given several times")
      ->allow_extra_args(false);
  app->add_option("--sample", options->filter.samples,
                  "Only this sample (id or number); may be given several times")
      ->allow_extra_args(false);
  app->add_option("--layer", options->layer, "Only this layer")->check(CLI::NonNegativeNumber);
  app->add_option("--first-step", options->filter.first_step, "First step; 0 is prefill")
      ->check(CLI::NonNegativeNumber);
  app->add_option("--last-step", options->filter.last_step, "Last step, inclusive")
      ->check(CLI::NonNegativeNumber);
  app->add_flag("--no-comments", options->bare,
                "Leave out the '#' lines of CSV and the title of text");
  return {app, [options] {
            if (options->list) {
              for (const exports::TableInfo& table : exports::known_tables()) {
                fmt::print("{:<16}{}\n", table.name, table.meaning);
              }
              return 0;
            }
            if (options->trace.empty() || options->table.empty()) {
              fail_usage("kvreel export needs a trace and --table NAME; --list names the tables.");
            }
            if (options->layer >= 0) options->filter.layer = options->layer;
            const tracer::Trace trace = tracer::Trace::open(options->trace);
            const exports::Format format = exports::parse_format(options->format);
            const exports::WriteOptions write{.comments = !options->bare, .width = output_width()};
            if (options->output.empty()) {
              exports::write_table(std::cout, trace, options->table, options->filter, format,
                                   write);
              flush_output();
              return 0;
            }
            if (std::filesystem::exists(options->output) && !options->force) {
              fail("'{}' exists already; choose another name, or replace it with --force.",
                   options->output);
            }
            std::ofstream file(options->output, std::ios::binary | std::ios::trunc);
            if (!file)
              fail("Cannot write '{}': the directory does not exist or cannot be written.",
                   options->output);
            exports::write_table(file, trace, options->table, options->filter, format, write);
            file.close();
            if (!file) fail("Cannot write '{}' to its end: the disk may be full.", options->output);
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
