// Budgets after prefill, as recorded and at any other threshold.
#include "exports/figures/budgets.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "exports/tables/provenance.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

constexpr int8_t kReasonThreshold = 3;  // of kReasonNames

// Decisions of prefill that a pass has, as far as budgets need them.
struct Decisions {
  t::Column<int16_t> layer;
  t::Column<int16_t> kv_head;
  t::Column<int8_t> reason;
  t::Column<int32_t> cached;
  t::Column<int32_t> kept;
  t::Column<int64_t> curve;
  size_t size() const { return layer.size(); }
};

Decisions read_decisions(const FigureTrace& trace, t::RowRange rows) {
  const auto read = [&](auto member) {
    return trace.source.trace.read_column(member, rows.begin, rows.end);
  };
  const t::Column<int32_t> step = read(&t::Decisions::step);
  Decisions all = {read(&t::Decisions::layer),  read(&t::Decisions::kv_head),
                   read(&t::Decisions::reason), read(&t::Decisions::cached),
                   read(&t::Decisions::kept),   read(&t::Decisions::curve)};
  const auto of_prefill = [&](auto& column) {
    size_t next = 0;
    for (size_t i = 0; i < step.size(); ++i) {
      if (step[i] == 0) column[next++] = column[i];
    }
    column.resize(next);
  };
  of_prefill(all.layer);
  of_prefill(all.kv_head);
  of_prefill(all.reason);
  of_prefill(all.cached);
  of_prefill(all.kept);
  of_prefill(all.curve);
  return all;
}

// A number of the model that the provenance states; none for what no model has, as in a damaged
// file.
std::optional<int> stated(const FigureTrace& trace, const char* pointer) {
  constexpr double kMost = 10000;
  const std::optional<double> number = Provenance(trace.source.trace).positive(pointer);
  if (!number || *number < 1 || *number > kMost) return std::nullopt;
  return static_cast<int>(*number);
}

int kv_heads_of(const FigureTrace& trace) {
  return stated(trace, "/model/kv_heads").value_or(1);
}

// Collects what decisions keep into budgets of layers.
class LayerShares {
 public:
  LayerShares(int layers, int kv_heads, int64_t prompt)
      : heads_(static_cast<size_t>(std::max(kv_heads, 1))),
        shares_(static_cast<size_t>(layers) * heads_, 1.0),
        prompt_(static_cast<double>(std::max<int64_t>(prompt, 1))) {}

  void set(int layer, int kv_head, int64_t kept) {
    const double share = static_cast<double>(kept) / prompt_;
    const auto at = static_cast<size_t>(layer) * heads_;
    if (layer < 0 || at >= shares_.size()) return;
    if (kv_head < 0) {
      std::fill_n(shares_.begin() + static_cast<std::ptrdiff_t>(at), heads_, share);
    } else if (static_cast<size_t>(kv_head) < heads_) {
      shares_[at + static_cast<size_t>(kv_head)] = share;
    }
  }
  double layer(int layer) const {
    double sum = 0;
    for (size_t head = 0; head < heads_; ++head)
      sum += shares_[static_cast<size_t>(layer) * heads_ + head];
    return sum / static_cast<double>(heads_);
  }
  int layers() const { return static_cast<int>(shares_.size() / heads_); }

 private:
  size_t heads_;
  std::vector<double> shares_;  // [layer][kv head]
  double prompt_;
};

size_t pass_of(const FigureRun& run, const WholePasses& passes, int32_t sample) {
  const std::optional<size_t> pass = passes.find(run.run, sample);
  if (!pass) fail("run '{}' has not finished sample {}", run.name, sample);
  return *pass;
}

// The distances of the decisions of a pass, by row of `curves`.
std::map<int64_t, std::vector<float>> read_curves(const FigureRun& run,
                                                  const Decisions& decisions) {
  const t::Trace& trace = run.trace->source.trace;
  const std::string* const base = run.parameter("base");
  const auto member =
      base != nullptr && *base == "all" ? &t::Curves::distance_all : &t::Curves::distance;
  std::map<int64_t, std::vector<float>> curves;
  for (size_t i = 0; i < decisions.size(); ++i) {
    if (decisions.reason[i] != kReasonThreshold) continue;
    if (decisions.curve[i] < 0) {
      fail(
          "run '{}' of {} was cut at a threshold, but layer {} has no norm curve, so that its "
          "budget at other thresholds is not known; policy 'refreekv' records curves (kvreel "
          "record --policy refreekv)",
          run.name, trace.path(), decisions.layer[i]);
    }
    curves[decisions.curve[i]];
  }
  if (curves.empty()) return curves;
  // A pass's curves follow each other: one read, unless the numbers are strewn.
  const auto first = static_cast<uint64_t>(curves.begin()->first);
  const auto end = static_cast<uint64_t>(curves.rbegin()->first) + 1;
  if (end - first <= 2 * curves.size()) {
    const t::List<float> block = trace.read_column(member, first, end);
    for (auto& [row, distance] : curves) {
      const size_t i = static_cast<uint64_t>(row) - first;
      distance.assign(block.values.begin() + static_cast<std::ptrdiff_t>(block.begin_of(i)),
                      block.values.begin() + static_cast<std::ptrdiff_t>(block.end_of(i)));
    }
  } else {
    for (auto& [row, distance] : curves) {
      const auto at = static_cast<uint64_t>(row);
      distance = trace.read_column(member, at, at + 1).values;
    }
  }
  return curves;
}

double mean_of_layers(const LayerShares& shares, const std::optional<int32_t>& layer) {
  if (layer && *layer >= 0 && *layer < shares.layers()) return shares.layer(*layer);
  double sum = 0;
  for (int i = 0; i < shares.layers(); ++i) sum += shares.layer(i);
  return sum / std::max(shares.layers(), 1);
}

}  // namespace

std::string budget_label(std::string label, const FigureSource& source) {
  const std::optional<int32_t>& layer = source.options.filter.layer;
  if (layer && *layer >= 0) label += fmt::format(" of layer {}", *layer);
  return label;
}

int layers_of(const FigureTrace& trace, const WholePasses& passes) {
  int layers = stated(trace, "/model/layers").value_or(0);
  if (layers == 0 && trace.source.passes.size() > 0) {
    const t::RowRange rows = passes.decisions(0);
    for (const int16_t layer :
         trace.source.trace.read_column(&t::Decisions::layer, rows.begin, rows.end))
      layers = std::max(layers, layer + 1);
  }
  const std::optional<int32_t>& wanted = trace.source.filter.layer;
  if (wanted && *wanted >= layers) {
    fail_usage("{} has decisions of {} layers, from 0, and none of layer {}.",
               trace.source.trace.path(), layers, *wanted);
  }
  return layers;
}

std::vector<std::vector<double>> layer_budgets(const FigureRun& run, const WholePasses& passes,
                                               std::span<const int32_t> samples) {
  const int layers = layers_of(*run.trace, passes);
  const int kv_heads = kv_heads_of(*run.trace);
  std::vector<std::vector<double>> budgets;
  for (const int32_t sample : samples) {
    const size_t pass = pass_of(run, passes, sample);
    const Decisions decisions = read_decisions(*run.trace, passes.decisions(pass));
    LayerShares shares(layers, kv_heads, passes.prompt_tokens[pass]);
    for (size_t i = 0; i < decisions.size(); ++i)
      shares.set(decisions.layer[i], decisions.kv_head[i], decisions.kept[i]);
    budgets.emplace_back();
    for (int layer = 0; layer < layers; ++layer) budgets.back().push_back(shares.layer(layer));
  }
  return budgets;
}

std::vector<double> recorded_budgets(const FigureRun& run, const WholePasses& passes,
                                     std::span<const int32_t> samples) {
  std::vector<double> budgets;
  const std::optional<int32_t> layer = run.trace->source.filter.layer;
  if (layer && *layer >= 0) {
    for (const std::vector<double>& layers : layer_budgets(run, passes, samples))
      budgets.push_back(layers.at(static_cast<size_t>(*layer)));
    return budgets;
  }
  for (const int32_t sample : samples)
    budgets.push_back(passes.budget[pass_of(run, passes, sample)]);
  return budgets;
}

std::vector<std::vector<double>> budgets_at(const FigureRun& run, const WholePasses& passes,
                                            std::span<const int32_t> samples,
                                            std::span<const double> thresholds) {
  const int layers = layers_of(*run.trace, passes);
  const int kv_heads = kv_heads_of(*run.trace);
  std::vector<std::vector<double>> budgets;
  for (const int32_t sample : samples) {
    const size_t pass = pass_of(run, passes, sample);
    const Decisions decisions = read_decisions(*run.trace, passes.decisions(pass));
    const auto curves = read_curves(run, decisions);
    LayerShares shares(layers, kv_heads, passes.prompt_tokens[pass]);
    for (size_t i = 0; i < decisions.size(); ++i)
      shares.set(decisions.layer[i], decisions.kv_head[i], decisions.kept[i]);
    budgets.emplace_back();
    for (const double threshold : thresholds) {
      for (size_t i = 0; i < decisions.size(); ++i) {
        if (decisions.reason[i] != kReasonThreshold) continue;
        const std::vector<float>& distance = curves.at(decisions.curve[i]);
        if (distance.empty()) continue;  // no candidate: what was kept stays kept
        shares.set(decisions.layer[i], decisions.kv_head[i],
                   decisions.cached[i] - cut_at(distance, threshold));
      }
      budgets.back().push_back(mean_of_layers(shares, run.trace->source.filter.layer));
    }
  }
  return budgets;
}

}  // namespace kvreel::exports
