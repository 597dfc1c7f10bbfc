// Budgets after prefill: as recorded, layer by layer, and at any other threshold, exactly, from the
// recorded norm curves.
//
// A layer's budget is kept / prompt positions, the mean over its KV heads; a pass's is the mean
// over layers. Layers decide independently and a layer's curve does not depend on what other layers
// evicted, so one recorded curve gives the cut at every threshold (engine/policy/norm_curve.h,
// cut_at): the largest i with double(distance[i]) <= T, where distance[i] is the drop of the norm
// when the first i candidates of the ranking go; 0 where no i has one, as where distance[0] is NaN
// (a layer whose candidates have no attention at all). Which of the two recorded distances counts
// is the run's parameter `base`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "exports/figures/cut.h"
#include "exports/figures/runs.h"
#include "exports/figures/samples.h"

namespace kvreel::exports {

// "Budget", "Budget of layer 3" where the filter names one.
std::string budget_label(std::string label, const FigureSource& source);

// Number of the model's layers. Throws UsageError where the filter names a layer that is not one.
int layers_of(const FigureTrace& trace, const WholePasses& passes);

// [sample][layer]: recorded budgets of a run's layers after prefill. Layers without a decision are
// whole: 1. All samples must have been finished by the run.
std::vector<std::vector<double>> layer_budgets(const FigureRun& run, const WholePasses& passes,
                                               std::span<const int32_t> samples);

// [sample]: recorded budgets, the mean over layers; of the filter's layer alone where it names one.
std::vector<double> recorded_budgets(const FigureRun& run, const WholePasses& passes,
                                     std::span<const int32_t> samples);

// [sample][threshold]: budgets, the mean over layers (of the filter's layer alone where it names
// one), that the run would have had at `thresholds`, which ascend. Layers that no threshold decided
// (exempt, too short) have their recorded budget. Throws Error where layers were cut at a threshold
// and have no curve.
std::vector<std::vector<double>> budgets_at(const FigureRun& run, const WholePasses& passes,
                                            std::span<const int32_t> samples,
                                            std::span<const double> thresholds);

}  // namespace kvreel::exports
