// Runs as rows: memory, times, score and agreement beside a reference.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "viewer/model/grid.h"
#include "viewer/model/run_compare.h"

namespace kvreel::viewer {

struct RunOfTable {
  RunSource source;
  RunFigures figures;
};

// One row per run, in the order given. `with_trace`: a column with the traces' files, second.
// The first column is the run's name.
Grid runs_grid(std::span<const RunOfTable> runs, bool with_trace);

// Labels and values of exports::render_info_text, in order: a line that is indented belongs to the
// label above it.
struct Fact {
  std::string label;
  std::string value;  // lines separated by '\n'
  bool operator==(const Fact&) const = default;
};
std::vector<Fact> parse_facts(std::string_view text);

// What the trace is, from its overview: file, state, size, model, rows.
std::vector<Fact> trace_facts(const Overview& overview);

}  // namespace kvreel::viewer
