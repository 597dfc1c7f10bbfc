// kvreel export: tables, figures and timelines of traces.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/commit.h"
#include "cli/export_options.h"
#include "cli/open_trace.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/version.h"
#include "exports/figures/figures.h"
#include "exports/figures/write_figure.h"
#include "exports/plot/style.h"
#include "exports/tables/provenance.h"
#include "exports/tables/tables.h"
#include "exports/timeline/chrome_trace.h"
#include "tracer/read/trace.h"

namespace kvreel::cli {
namespace {

namespace fs = std::filesystem;
using Traces = std::vector<tracer::Trace>;
using TraceList = std::vector<const tracer::Trace*>;

// "pdf" of "fig3.PDF", "" without an ending.
std::string ending_of(const std::string& path) {
  std::string ending = fs::path(path).extension().string();
  if (!ending.empty()) ending.erase(0, 1);
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending;
}

bool same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  if (fs::equivalent(a, b, error)) return true;
  return fs::weakly_canonical(a, error) == fs::weakly_canonical(b, error);
}

Traces open_traces(const std::vector<std::string>& paths) {
  Traces traces;
  for (size_t i = 0; i < paths.size(); ++i) {
    traces.push_back(open_trace(paths[i]));
    for (size_t other = 0; other < i; ++other) {
      if (same_file(paths[i], paths[other]))
        fail_usage("'{}' and '{}' are the same trace; give it once.", paths[other], paths[i]);
    }
  }
  return traces;
}

TraceList list_of(const Traces& traces) {
  TraceList list;
  for (const tracer::Trace& trace : traces) list.push_back(&trace);
  return list;
}

// With the program's name alone, so that the same command reads alike wherever it is installed.
std::string command_text(std::vector<std::string> arguments) {
  if (!arguments.empty()) arguments[0] = fs::path(arguments[0]).filename().string();
  return exports::command_line(arguments);
}

std::string exporter_version() {
  return fmt::format("{} ({})", kVersion, kCommit);
}

// A file that is removed as well where a signal ends the process; or standard output.
class Target {
 public:
  // `path` "" or "-": standard output.
  Target(const std::string& path, const ExportOptions& options) {
    if (path.empty() || path == "-") return;
    for (const std::string& trace : options.traces) {
      if (same_file(trace, path))
        fail_usage("'{}' is the trace itself, which would be lost; choose another name.", path);
    }
    file_.emplace(path, options.force);
    if (!file_->part().empty()) remove_on_signals(file_->part().string());
  }
  std::ostream& stream() { return file_ ? file_->stream() : std::cout; }
  void close() {
    if (file_) file_->close();
  }
  void commit() {
    if (file_) {
      file_->commit();
    } else {
      flush_output();
    }
  }

 private:
  std::optional<AtomicFile> file_;
};

exports::Filter filter_of(const ExportOptions& options) {
  exports::Filter filter = options.filter;
  if (options.layer >= 0) filter.layer = options.layer;
  return filter;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view part = trim(std::string_view(list).substr(begin, end - begin));
    if (!part.empty()) parts.emplace_back(part);
    begin = end + 1;
  }
  return parts;
}

exports::Format table_format(const ExportOptions& options) {
  if (!options.format.empty()) return exports::parse_format(options.format);
  const std::string ending = ending_of(options.output);
  const std::array<std::string_view, 4> known = {"csv", "json", "md", "tex"};
  const bool is_known = std::find(known.begin(), known.end(), ending) != known.end();
  return is_known ? exports::parse_format(ending) : exports::Format::csv;
}

void export_table(const ExportOptions& options, const std::string& command) {
  const exports::Format format = table_format(options);
  const Traces traces = open_traces(options.traces);
  const exports::TableOptions table{.filter = filter_of(options),
                                    .reference = options.reference,
                                    .by = options.by,
                                    .columns = split(options.columns),
                                    .command = command,
                                    .version = exporter_version()};
  Target target(options.output, options);
  exports::write_table(target.stream(), list_of(traces), options.table, table, format,
                       {.comments = !options.bare,
                        .terminal = options.output.empty() && isatty(STDOUT_FILENO) != 0,
                        .width = output_width()});
  target.commit();
}

void export_timeline(const ExportOptions& options, const std::string& command) {
  if (options.timeline != "chrome") {
    const std::array<std::string, 1> known = {"chrome"};
    fail_usage("There is no timeline '{}'.{}", options.timeline,
               suggest_name(options.timeline, known));
  }
  const Traces traces = open_traces(options.traces);
  Target target(options.output, options);
  exports::write_chrome_trace(
      target.stream(), list_of(traces),
      {.filter = filter_of(options), .command = command, .version = exporter_version()});
  target.commit();
}

exports::FigureFormat figure_format(const ExportOptions& options) {
  if (!options.format.empty()) return exports::parse_figure_format(options.format);
  if (options.output == "-")
    fail_usage("A figure on standard output needs --format pdf, svg or png.");
  const std::string ending = ending_of(options.output);
  if (ending != "pdf" && ending != "svg" && ending != "png") {
    fail_usage("The ending of -o '{}' is not .pdf, .svg or .png; change it, or give --format.",
               options.output);
  }
  return exports::parse_figure_format(ending);
}

exports::FigureDataFormat data_format(const ExportOptions& options) {
  const std::string ending = ending_of(options.data);
  if (ending != "csv" && ending != "json")
    fail_usage("--data '{}' ends neither in .csv nor in .json.", options.data);
  return exports::parse_figure_data_format(ending);
}

plot::Style figure_style(const ExportOptions& options) {
  plot::Style style = plot::parse_style(options.style);
  if (!options.size.empty()) style.size = plot::parse_size(options.size);
  if (!options.palette.empty()) style.palette = plot::parse_palette(options.palette);
  if (!options.font.empty()) style.family = plot::parse_family(options.font);
  if (options.no_title) style.title = false;
  if (options.no_footer) style.footer = false;
  if (options.transparent) style.transparent = true;
  return style;
}

void export_figure(const CLI::App& app, const ExportOptions& options, const std::string& command) {
  if (options.output.empty()) {
    fail_usage(
        "A figure needs -o FILE, with an ending .pdf, .svg or .png; -o - writes to standard "
        "output.");
  }
  exports::FigureOutput output;
  output.format = figure_format(options);
  const bool is_text = output.format == exports::FigureFormat::svg;
  if (options.output == "-" && !is_text && isatty(STDOUT_FILENO)) {
    fail_usage("A {} is no text for a terminal; name a file with -o, or pipe it.",
               output.format == exports::FigureFormat::pdf ? "PDF" : "PNG");
  }
  if (app.get_option("--dpi")->count() > 0 && output.format != exports::FigureFormat::png)
    fail_usage("--dpi is for PNG; PDF and SVG have no dots.");
  if (!options.data.empty()) {
    output.data_format = data_format(options);
    if (options.output != "-" && same_file(options.data, options.output))
      fail_usage("-o and --data name the same file, '{}'; give them two.", options.output);
  }
  output.style = figure_style(options);
  output.dots_per_inch = options.dpi;
  const exports::FigureOptions figure{.filter = filter_of(options),
                                      .reference = options.reference,
                                      .by = options.by,
                                      .metric = options.metric,
                                      .log_y = options.log_y,
                                      .command = command,
                                      .version = exporter_version()};
  const Traces traces = open_traces(options.traces);
  Target target(options.output, options);
  std::optional<Target> data;
  if (!options.data.empty()) {
    data.emplace(options.data, options);
    output.data = &data->stream();
  }
  exports::write_figure(target.stream(), list_of(traces), options.figure, figure, output);
  // Both are whole before either has its name.
  target.close();
  if (data) data->commit();
  target.commit();
}

void list_exports() {
  const auto line = [](std::string_view name, std::string_view meaning = {}) {
    if (meaning.empty()) {
      fmt::print("  {}\n", name);
    } else {
      fmt::print("  {:<17} {}\n", name, meaning);
    }
  };
  const auto names = [&](std::string_view heading, std::span<const std::string_view> known) {
    fmt::print("\n{}:\n", heading);
    for (const std::string_view name : known) line(name);
  };
  fmt::print("Tables (--table):\n");
  for (const exports::TableInfo& table : exports::known_tables()) line(table.name, table.meaning);
  fmt::print("\nFigures (--figure):\n");
  for (const exports::FigureInfo& figure : exports::known_figures()) {
    line(figure.name, figure.meaning);
    if (!figure.needs.empty()) line(" ", fmt::format("needs: {}", figure.needs));
  }
  fmt::print("\nTimelines (--timeline):\n");
  line("chrome", "Trace Event Format, for ui.perfetto.dev and chrome://tracing");
  fmt::print("\nSizes (--size):\n");
  for (const plot::NamedSize& size : plot::known_sizes()) line(size.name, size.meaning);
  names("Styles (--style)", plot::known_styles());
  names("Palettes (--palette)", plot::known_palettes());
  names("Fonts (--font)", plot::known_families());
}

int run_export(const CLI::App& app, const ExportOptions& options, const std::string& command) {
  ignore_file_size_signal();
  switch (check_export_options(app, options)) {
    case ExportKind::table:
      export_table(options, command);
      return 0;
    case ExportKind::figure:
      export_figure(app, options, command);
      return 0;
    case ExportKind::timeline:
      export_timeline(options, command);
      return 0;
    case ExportKind::list:
      break;
  }
  list_exports();
  flush_output();
  return 0;
}

}  // namespace

Command add_export(CLI::App& program, int argc, char** argv) {
  CLI::App* app = program.add_subcommand(
      "export", "Write tables, figures and timelines of traces, for papers and other programs");
  const auto options = std::make_shared<ExportOptions>();
  add_export_options(*app, *options);
  return {app, [app, options, command = command_text({argv, argv + argc})] {
            return run_export(*app, *options, command);
          }};
}

}  // namespace kvreel::cli
