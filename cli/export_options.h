// What `kvreel export` is told on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "exports/tables/tables.h"

namespace kvreel::cli {

struct ExportOptions {
  std::vector<std::string> traces;

  std::string table;
  std::string figure;
  std::string timeline;
  bool list = false;

  std::string format;
  std::string output;
  std::string data;
  bool force = false;
  bool bare = false;

  exports::Filter filter;
  int32_t layer = -1;
  std::string columns;
  std::string by;
  std::string reference;
  std::string metric;

  std::string size;
  std::string style = "screen";
  std::string palette;
  std::string font;
  double dpi = 300;
  bool log_y = false;
  bool no_title = false;
  bool no_footer = false;
  bool transparent = false;
};

// What is exported. kList is no export, but takes the place of one.
enum class ExportKind : uint8_t { table, figure, timeline, list };

// Adds every option, in groups, with the help that a person reads.
void add_export_options(CLI::App& app, ExportOptions& options);

// What the options ask for. Throws UsageError where that is not exactly one thing, where an option
// was given that does not go with it, and where there is no trace.
ExportKind check_export_options(const CLI::App& app, const ExportOptions& options);

}  // namespace kvreel::cli
