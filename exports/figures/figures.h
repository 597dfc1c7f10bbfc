// The figures that traces can be drawn as.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exports/plot/figure.h"
#include "exports/tables/tables.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

// What of the traces a figure shows, where the filter leaves a choice.
enum class FigureScope : uint8_t {
  samples,   // all samples under all runs
  sample,    // one sample under all runs
  pass,      // one sample under one run
  decision,  // one layer of a pass
};

struct FigureInfo {
  std::string_view name;
  std::string_view meaning;  // one line, for a list
  std::string_view needs;    // what a trace must have, and the option that records it; "": nothing
  FigureScope scope = FigureScope::samples;
  bool takes_metric = false;  // FigureOptions::metric
};

// Every figure, in the order in which a list should show them.
const std::vector<FigureInfo>& known_figures();

struct FigureOptions {
  Filter filter;          // runs, samples, layer, steps that are shown
  std::string reference;  // run that scores and bytes are compared with; "": full, else the first
  std::string by;         // a field of the samples' metadata: one series (or panel) per value
  std::string metric;     // of scores (tables/metrics.h); "": what the samples are scored by
  bool log_y = false;     // where a figure offers it
  std::string command;    // into the metadata
  std::string version;    // of the program that draws, likewise
  // SHA-256 of the traces into the metadata: what is written to a file says it. Each is read whole
  // for it, which a figure that is only looked at need not wait for.
  bool hash_traces = true;
  auto operator<=>(const FigureOptions&) const = default;
};

// Traces must not change while this reads them. Throws UsageError for an unknown figure, run,
// sample, field or metric, with the nearest known name, and for a metric where the figure shows no
// score; Error where the traces lack what the figure shows,
// with the option that records it, and where they cannot be compared (other prompts, another
// model), naming both.
plot::Figure make_figure(const std::vector<const tracer::Trace*>& traces, std::string_view name,
                         const FigureOptions& options = {});

}  // namespace kvreel::exports
