// The figures' functions, and what they are made from.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exports/figures/figures.h"
#include "exports/tables/rows.h"

namespace kvreel::exports {

// Bands of more series would hide each other.
inline constexpr size_t kMostBands = 3;

// One of the traces, with the options' filter looked up in it.
struct FigureTrace {
  FigureTrace(const tracer::Trace& the_trace, const Filter& filter) : source(the_trace, filter) {}
  Source source;
  // What series of this trace are called where there are several: the file's stem, with as many of
  // its directories as tell it from the others. Plain text: escape_markup() before it is shown.
  std::string label;
};

struct FigureSource {
  std::vector<std::unique_ptr<FigureTrace>> traces;  // one at least
  const FigureOptions& options;
  bool several() const { return traces.size() > 1; }
};

struct FigureDefinition {
  FigureInfo info;
  // Panels, marks, title and remarks, and metadata of its own such as what n is; make_figure() sets
  // the name, adds the metadata that all figures have behind it, and checks the result.
  plot::Figure (*make)(const FigureSource& source);
};

std::vector<FigureDefinition> threshold_figures();  // what a threshold does to budget and score
std::vector<FigureDefinition> budget_figures();     // budgets by layer
std::vector<FigureDefinition> score_figures();      // score against budget and bytes
std::vector<FigureDefinition> fidelity_figures();   // how far from the full cache it led
std::vector<FigureDefinition> decision_figures();   // what was evicted, where, and why
std::vector<FigureDefinition> attention_figures();  // norms by layer and head
std::vector<FigureDefinition> cost_figures();       // time and bytes

}  // namespace kvreel::exports
