// How far from the full cache eviction led.
#include "exports/tables/fidelity.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "exports/tables/score_statistics.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

constexpr int16_t kMostLayers = 10000;  // more is a damaged row

// Calls use(pass, block, row in the block) for rows of finished passes, in one sweep.
template <typename Table, typename Use>
void for_each_pass_row(const t::Trace& trace, const PassList& passes,
                       std::vector<uint64_t> t::Passes::*ends, Use&& use) {
  if (trace.rows<Table>() == 0) return;
  const std::vector<uint64_t> all_ends = trace.read_column(ends, 0, passes.size());
  for (size_t pass = 0; pass < passes.size(); ++pass) {
    const t::RowRange rows = passes.rows(all_ends, pass);
    if (rows.end > trace.rows<Table>()) {
      fail("pass {} of {} has rows {} to {} of table '{}', which has {}; the file is damaged", pass,
           trace.path(), rows.begin, rows.end, Table::kName, trace.rows<Table>());
    }
  }
  if (all_ends.empty()) return;
  size_t pass = 0;
  for_each_row<Table>(trace, {0, all_ends.back()}, [&](const Table& block, size_t i, uint64_t row) {
    while (row >= all_ends[pass]) ++pass;
    use(pass, block, i);
  });
}

double mean_of(std::span<const double> values) {
  const std::optional<Spread> spread = spread_of({values.begin(), values.end()});
  return spread ? spread->mean : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

std::optional<double> PassFidelity::mean_kl() const {
  if (kl.empty()) return std::nullopt;
  double sum = 0;
  for (const float value : kl) sum += static_cast<double>(value);
  return sum / static_cast<double>(kl.size());
}

std::optional<double> PassFidelity::same_top_share() const {
  if (kl.empty()) return std::nullopt;
  return static_cast<double>(same_top) / static_cast<double>(kl.size());
}

std::optional<double> PassFidelity::mean_lost() const {
  const double mean = mean_of(lost);
  return std::isnan(mean) ? std::nullopt : std::optional(mean);
}

std::vector<PassFidelity> read_fidelity(const t::Trace& trace, const PassList& passes) {
  std::vector<PassFidelity> all(passes.size());
  for_each_pass_row<t::Fidelity>(trace, passes, &t::Passes::fidelity_end,
                                 [&](size_t pass, const t::Fidelity& block, size_t i) {
                                   all[pass].kl.push_back(block.kl[i]);
                                   all[pass].same_top += block.same_top[i] != 0;
                                 });
  std::vector<int64_t> steps;  // by layer, of the pass that is read
  size_t last = passes.size();
  const auto close = [&] {
    for (size_t layer = 0; layer < steps.size(); ++layer) {
      double& lost = all[last].lost[layer];
      lost = steps[layer] > 0 ? lost / static_cast<double>(steps[layer])
                              : std::numeric_limits<double>::quiet_NaN();
    }
    steps.clear();
  };
  for_each_pass_row<t::LostAttention>(
      trace, passes, &t::Passes::lost_attention_end,
      [&](size_t pass, const t::LostAttention& block, size_t i) {
        if (pass != last) close();
        last = pass;
        const int16_t layer = block.layer[i];
        if (layer < 0 || layer > kMostLayers) {
          fail("a row of table 'lost_attention' of {} has layer {}; the file is damaged",
               trace.path(), layer);
        }
        const auto at = static_cast<size_t>(layer);
        if (at >= steps.size()) {
          steps.resize(at + 1, 0);
          all[pass].lost.resize(at + 1, 0);
        }
        all[pass].lost[at] += static_cast<double>(block.mean[i]);
        ++steps[at];
      });
  close();
  return all;
}

std::optional<SampleMean> sample_mean(std::vector<double> values, double low, double high) {
  const std::optional<Spread> spread = spread_of(std::move(values));
  if (!spread) return std::nullopt;
  SampleMean mean{.samples = spread->n, .mean = spread->mean, .interval = {}};
  if (const std::optional<MeanInterval> interval = mean_interval_of(*spread)) {
    mean.interval = MeanInterval{std::min(std::max(interval->low, low), mean.mean),
                                 std::max(std::min(interval->high, high), mean.mean)};
  }
  return mean;
}

std::optional<FidelitySummary> summary_of(std::span<const PassFidelity* const> passes) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  constexpr double kUnbounded = std::numeric_limits<double>::infinity();
  FidelitySummary summary;
  std::vector<double> kl;
  std::vector<double> same;
  std::vector<double> lost;
  std::vector<double> steps;
  std::vector<std::vector<double>> by_layer;
  for (const PassFidelity* const pass : passes) {
    if (pass->kl.empty() && pass->lost.empty()) continue;
    ++summary.samples;
    kl.push_back(pass->mean_kl().value_or(kNone));
    same.push_back(pass->same_top_share().value_or(kNone));
    lost.push_back(pass->mean_lost().value_or(kNone));
    for (const float value : pass->kl) steps.push_back(static_cast<double>(value));
    by_layer.resize(std::max(by_layer.size(), pass->lost.size()));
    for (size_t layer = 0; layer < pass->lost.size(); ++layer)
      by_layer[layer].push_back(pass->lost[layer]);
  }
  if (summary.samples == 0) return std::nullopt;
  summary.steps = static_cast<int64_t>(steps.size());
  // A divergence is never negative, but rounding may make one so.
  summary.kl = sample_mean(std::move(kl), 0, kUnbounded);
  // Where every sample agrees throughout, or nowhere, Student's interval would have no width.
  if (const std::optional<MeanScore> agreed = mean_score(same))
    summary.same_top = SampleMean{agreed->n, agreed->mean, agreed->interval};
  summary.lost = sample_mean(std::move(lost), 0, 1);
  std::erase_if(steps, [](double value) { return std::isnan(value); });
  if (!steps.empty()) {
    std::sort(steps.begin(), steps.end());
    summary.kl_p95 = quantile(steps, 0.95);
  }
  for (size_t layer = 0; layer < by_layer.size(); ++layer) {
    const double mean = mean_of(by_layer[layer]);
    summary.lost_by_layer.push_back(mean);
    if (std::isnan(mean) || (summary.worst_layer && mean <= summary.worst_lost)) continue;
    summary.worst_layer = static_cast<int32_t>(layer);
    summary.worst_lost = mean;
  }
  return summary;
}

}  // namespace kvreel::exports
