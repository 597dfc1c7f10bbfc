// A point for each run in a plane of what it costs and what it gives, such as budget and score.
//
// Thin lines join runs that differ in their threshold or budget alone; a front holds the runs that
// no other run matches at a lower cost. With groups there is a panel for each.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/figures/runs.h"
#include "exports/figures/samples.h"

namespace kvreel::exports {

struct RunPlane {
  std::vector<Family> families;
  std::vector<std::string> names;   // of the families, markup
  std::vector<WholePasses> passes;  // by trace
  SharedSamples shared;
  std::vector<SampleGroup> groups;  // of the shared samples, by the first trace's metadata
  std::vector<std::string> remarks;
  std::vector<std::pair<std::string, std::string>> metadata;

  // Costs of more points would hide each other's spreads.
  bool with_spreads() const;
};

// Whether a pass (a row of its trace's passes) has what is to be shown.
using HasValue = std::function<bool(const FigureRun& run, const WholePasses& passes, size_t pass)>;

// The runs on the samples that all of them have finished and have a value of: what they cost is to
// be of the same ones. `without` says what left-out samples lack: "answers". Where none is left,
// calls `fail_empty`, which must throw. metric: of WholePasses, "" where no scores are shown.
RunPlane run_plane(const FigureSource& source, const std::vector<FigureRun>& runs,
                   std::string_view metric, const HasValue& has_value, std::string_view without,
                   const std::function<void()>& fail_empty);

struct PlaneValue {
  double value = 0;
  double low = 0, high = 0;  // its interval
};

// What a run costs on each of these samples of its trace.
using CostOf = std::function<std::vector<double>(const FigureRun& run, const WholePasses& passes,
                                                 std::span<const int32_t> samples)>;
// What it gives, over these samples.
using ValueOf = std::function<std::optional<PlaneValue>(
    const FigureRun& run, const WholePasses& passes, std::span<const int32_t> samples)>;

// Panels with the points; x is the mean cost, with its 10th to 90th percentile over samples where
// there are few points. `less_is_better`: of the values, for the front.
void add_plane(plot::Figure& figure, const FigureSource& source, const RunPlane& plane,
               const plot::Axis& cost, const plot::Axis& value, const CostOf& cost_of,
               const ValueOf& value_of, bool less_is_better);

}  // namespace kvreel::exports
