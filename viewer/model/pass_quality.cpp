// What the output of a pass is worth, in words.
#include "viewer/model/pass_quality.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "exports/tables/compare.h"
#include "exports/tables/display.h"
#include "exports/tables/metrics.h"

namespace kvreel::viewer {
namespace {

// Null until the comparison is there, and where the pass is in none.
const exports::SampleComparison* compared(const Overview& overview, const PassInfo& pass) {
  if (!overview.comparison) return nullptr;
  for (const exports::RunComparison& run : overview.comparison->runs) {
    if (run.name != overview.runs.at(static_cast<size_t>(pass.run)).name) continue;
    for (const exports::SampleComparison& sample : run.per_sample) {
      if (sample.pass == pass.rows.row) return &sample;
    }
  }
  return nullptr;
}

}  // namespace

std::string quality_lines(const Overview& overview, const PassInfo& pass) {
  std::string lines;
  for (size_t i = 0; i < overview.metrics.size() && i < pass.scores.size(); ++i) {
    if (overview.metrics[i] == exports::kExactMatch || std::isnan(pass.scores[i])) continue;
    lines += fmt::format("\n{} {:.3g}", overview.metrics[i], pass.scores[i]);
  }
  const exports::SampleComparison* const sample = compared(overview, pass);
  if (sample == nullptr) return lines;
  if (const std::optional<double> kl = sample->fidelity.mean_kl())
    lines += fmt::format("\nKL(full cache || run) {:.3g} nat, mean over steps", *kl);
  if (const std::optional<double> lost = sample->fidelity.mean_lost())
    lines += fmt::format("\n{} of the full cache's attention lost", exports::percent(*lost));
  return lines;
}

std::string quality_brief(const Overview& overview, const PassInfo& pass) {
  std::string brief;
  const bool scored = !overview.metrics.empty() && !pass.scores.empty() &&
                      overview.metrics.front() != exports::kExactMatch &&
                      !std::isnan(pass.scores.front());
  if (scored) brief += fmt::format(" · {} {:.3g}", overview.metrics.front(), pass.scores.front());
  const exports::SampleComparison* const sample = compared(overview, pass);
  if (sample == nullptr) return brief;
  if (const std::optional<double> kl = sample->fidelity.mean_kl())
    brief += fmt::format(" · KL {:.3g}", *kl);
  return brief;
}

}  // namespace kvreel::viewer
