// Runs as figures name and group them: by what their settings have in common, and what tells them
// apart.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/figures/definitions.h"

namespace kvreel::exports {

struct FigureRun {
  const FigureTrace* trace = nullptr;
  int32_t run = 0;     // row of the trace's runs
  std::string name;    // as recorded
  std::string policy;  // "refreekv"
  // Key and value as text, without `preset`, which only stands for others.
  std::vector<std::pair<std::string, std::string>> parameters;
  // The largest admissible distance, as decisions hold it; none: the policy has none.
  std::optional<double> threshold;

  bool is_full() const { return policy == "full"; }
  const std::string* parameter(std::string_view key) const;  // null where there is none
};

// The runs that the filter wants, trace by trace in the traces' order. Passes are looked into for
// the exact threshold, which parameters hold rounded.
std::vector<FigureRun> selected_runs(const FigureSource& source);

// The run of a trace that scores and bytes are compared with: the one of that name, else the one
// of policy `full`, selected or not; none where the trace has neither. Throws UsageError, with the
// nearest name, where one trace has no run of a name that was asked for.
std::optional<FigureRun> reference_run(const FigureSource& source, const FigureTrace& trace);

// Runs that are the same but for a parameter that is swept, such as the threshold.
struct Family {
  std::vector<FigureRun> runs;  // by the parameter, ascending; in order of the trace where equal
  std::string swept;            // what the parameter is: "threshold", "budget", "" for neither
};

// Families in the order of their first runs. Thresholds are swept where a policy has them, else
// budgets.
std::vector<Family> families_of(std::span<const FigureRun> runs);

// A short name for each: the trace where there are several; the policy with its threshold or budget
// where there are several policies ("streaming-llm 50 %"); the parameters that differ among runs of
// the policy ("T = 1 %", "keep-layers none"); the policy alone where nothing differs. Markup. No
// two runs have the same name.
std::vector<std::string> short_names(std::span<const FigureRun> runs);
// The same for families, without what is swept: "keep-layers none".
std::vector<std::string> short_names(std::span<const Family> families);
// The same, a family of one run with its value: "refreekv 1 %, keep-layers none".
std::vector<std::string> point_names(std::span<const Family> families);

// "1%" -> "1 %".
std::string spaced_percent(std::string_view value);
// 0.01 -> "1 %".
std::string percent_text(double share);

}  // namespace kvreel::exports
