// Options of `kvreel export`, their help, and which go together.
#include "cli/export_options.h"

#include <array>
#include <string_view>

#include "base/error.h"
#include "cli/option_group.h"

namespace kvreel::cli {
namespace {

struct Choice {
  ExportKind kind;
  const char* option;
};
constexpr std::array<Choice, 4> kChoices = {{{ExportKind::table, "--table"},
                                             {ExportKind::figure, "--figure"},
                                             {ExportKind::timeline, "--timeline"},
                                             {ExportKind::list, "--list"}}};

// Options that go with some exports only. What goes with all is not here.
struct Rule {
  const char* option;
  bool table = false;
  bool figure = false;
  bool timeline = false;
};
constexpr std::array<Rule, 16> kRules = {{{"--format", true, true, false},
                                          {"--columns", true, false, false},
                                          {"--no-comments", true, false, false},
                                          {"--by", true, true, false},
                                          {"--reference", true, true, false},
                                          {"--data", false, true, false},
                                          {"--size", false, true, false},
                                          {"--style", false, true, false},
                                          {"--palette", false, true, false},
                                          {"--font", false, true, false},
                                          {"--dpi", false, true, false},
                                          {"--metric", false, true, false},
                                          {"--log-y", false, true, false},
                                          {"--no-title", false, true, false},
                                          {"--no-footer", false, true, false},
                                          {"--transparent", false, true, false}}};

std::string home_of(const Rule& rule) {
  if (rule.table && rule.figure) return "--table and --figure";
  return rule.table ? "--table" : "--figure";
}

}  // namespace

void add_export_options(CLI::App& app, ExportOptions& o) {
  app.footer(R"(Examples:
  kvreel export trace.h5 --figure threshold-budget --size acl-column --style print -o fig3b.pdf
  kvreel export a.h5 b.h5 --figure retention --style print -o fig3.svg --data fig3.csv
  kvreel export trace.h5 --table scores --by task --format tex -o scores.tex
  kvreel export trace.h5 --table evictions --run refreekv --sample fact-000
  kvreel export trace.h5 --timeline chrome -o t.json        # opens in ui.perfetto.dev
  kvreel export --list

A file appears when it is whole. Every file says which trace (with its SHA-256), runs, version and
command it comes from; the same command writes the same bytes.)");

  app.add_option("traces", o.traces, "The traces")->type_name("TRACE");

  const OptionGroup what{app, "What (one of these)"};
  what.option("--table", o.table, "A table; --list names them")->type_name("NAME");
  what.option("--figure", o.figure, "A figure; --list names them, and what they need")
      ->type_name("NAME");
  what.option("--timeline", o.timeline, "All events in time: chrome, which Perfetto opens")
      ->type_name("FORMAT");
  what.flag("--list", o.list, "List tables, figures, sizes, styles, palettes and fonts");

  const OptionGroup where{app, "Where to"};
  where
      .option("-o,--output", o.output,
              "The file to write; '-' or, but for figures, nothing: standard output")
      ->type_name("FILE");
  where
      .option(
          "--format", o.format,
          "Of a table: csv, json, text, md or tex; of a figure: pdf, svg or png (default: by the "
          "ending of -o; csv)")
      ->type_name("FORMAT");
  where.option("--data", o.data, "Write a figure's numbers, too: a .csv or .json file")
      ->type_name("FILE");
  where.flag("--force", o.force, "Replace existing files");

  const OptionGroup rows{app, "Which part of the traces"};
  rows.option("--run", o.filter.runs, "Only this run; may be given several times")
      ->allow_extra_args(false);
  rows.option("--sample", o.filter.samples,
              "Only this sample (id or number); may be given several times")
      ->allow_extra_args(false);
  rows.option("--layer", o.layer, "Only this layer")->check(CLI::NonNegativeNumber);
  rows.option("--first-step", o.filter.first_step, "First step; 0 is prefill")
      ->check(CLI::NonNegativeNumber);
  rows.option("--last-step", o.filter.last_step, "Last step, inclusive")
      ->check(CLI::NonNegativeNumber);

  const OptionGroup content{app, "Tables and figures"};
  content.option("--by", o.by, "By group: a field of the prompt records, such as task")
      ->type_name("FIELD");
  content
      .option("--reference", o.reference, "The run to compare with (default: full, else the first)")
      ->type_name("RUN");

  const OptionGroup table{app, "Tables"};
  table.option("--columns", o.columns, "Only these columns, in this order: run,step,token")
      ->type_name("NAMES");
  table.flag("--no-comments", o.bare,
             "Leave out what is no row: title, provenance ('#' lines of CSV)");

  const OptionGroup figure{app, "Figures"};
  figure
      .option("--metric", o.metric,
              "Of a figure of scores: the metric, such as token-f1 (default: the first that the "
              "samples are scored by, else exact-match)")
      ->type_name("NAME");
  figure.option("--size", o.size, "A name of --list, or 88x60mm, 3.25in, 400x300pt")
      ->type_name("SIZE");
  figure
      .option("--style", o.style,
              "screen, print (no title, no footer: the paper has a caption), slide or dark")
      ->type_name("NAME")
      ->capture_default_str();
  figure.option("--palette", o.palette, "Colours of series; --list names them")->type_name("NAME");
  figure.option("--font", o.font, "--list names them")->type_name("NAME");
  figure.option("--dpi", o.dpi, "Dots per inch of a PNG")
      ->check(CLI::Range(20.0, 2400.0))
      ->capture_default_str();
  figure.flag("--log-y", o.log_y, "A logarithmic axis, where the figure offers one");
  figure.flag("--no-title", o.no_title, "Leave out the title");
  figure.flag("--no-footer", o.no_footer, "Leave out trace, policies and n under the figure");
  figure.flag("--transparent", o.transparent, "No background");
}

ExportKind check_export_options(const CLI::App& app, const ExportOptions& options) {
  const auto given = [&](const char* option) { return app.get_option(option)->count() > 0; };
  const Choice* choice = nullptr;
  for (const Choice& candidate : kChoices) {
    if (!given(candidate.option)) continue;
    if (choice != nullptr) {
      fail_usage("{} and {} do not go together; one command exports one thing.", choice->option,
                 candidate.option);
    }
    choice = &candidate;
  }
  if (choice == nullptr) {
    fail_usage(
        "kvreel export needs one of --table NAME, --figure NAME and --timeline chrome; kvreel "
        "export "
        "--list names them all.");
  }
  if (choice->kind == ExportKind::list) return choice->kind;
  for (const Rule& rule : kRules) {
    const bool fits = choice->kind == ExportKind::table    ? rule.table
                      : choice->kind == ExportKind::figure ? rule.figure
                                                           : rule.timeline;
    if (!fits && given(rule.option)) {
      fail_usage("{} does not go with {}; it is for {}.", rule.option, choice->option,
                 home_of(rule));
    }
  }
  if (options.traces.empty())
    fail_usage("kvreel export {} needs a trace: kvreel export trace.h5 {} ...", choice->option,
               choice->option);
  return choice->kind;
}

}  // namespace kvreel::cli
