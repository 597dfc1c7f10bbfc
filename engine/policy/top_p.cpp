// Top-p (Twilight: Lin et al., 2025, arXiv 2502.02770) as an eviction after prefill: each KV head
// keeps the fewest positions whose share of the attention reaches p, and so sets its own budget.
//
// Twilight picks the set anew at every decode step and evicts nothing; here the set is picked once,
// by the attention of the prompt's last rows, and what is not in it goes. What always stays (sinks,
// the newest) counts: p is the share of all that stays.
//
// The row of a KV head: the mean of the last `rows` rows of each of its query heads, reduced over
// them by max, mean or sum, and divided by its sum, since maxima and sums do not add up to 1. mean
// and sum are the same after that. per=layer reduces over all query heads: one set for the layer.
#include <algorithm>

#include "base/error.h"
#include "engine/policy/attention_mass.h"
#include "engine/policy/budget.h"
#include "engine/policy/policies.h"
#include "engine/policy/ranked.h"

namespace kvreel::engine {
namespace {

class TopP final : public Policy {
 public:
  explicit TopP(PolicyOptions& options)
      : share_(options.take_fraction("p", 0.95)),
        rows_(options.take_count("rows", 1)),
        reduction_(take_head_reduction(options, "max")),
        per_layer_(options.take_choice("per", "head", {"head", "layer"}) == "layer"),
        sinks_(options.take_count("sinks", 0)),
        recent_(options.take_count("recent", 1)),
        exempt_(options.take_layers("keep-layers", {})) {
    if (share_ <= 0) {
      fail_usage("Policy 'top-p': p=0 keeps nothing; write a share such as p=95%.");
    }
    if (rows_ < 1) fail_usage("Policy 'top-p': rows must be at least 1.");
  }

  std::vector<std::pair<std::string, std::string>> parameters() const override {
    return {{"p", percent_text(share_)},          {"rows", std::to_string(rows_)},
            {"reduce", name_of(reduction_)},      {"per", per_layer_ ? "layer" : "head"},
            {"sinks", std::to_string(sinks_)},    {"recent", std::to_string(recent_)},
            {"keep-layers", layers_text(exempt_)}};
  }

  StatisticsRequest needs(const DecisionPoint&) const override { return {.last_rows = rows_}; }

  void check(const ModelConfig& config) const override {
    check_layers("top-p", "keep-layers", exempt_, config);
  }

  std::vector<Decision> decide(const LayerView& layer) const override {
    if (std::binary_search(exempt_.begin(), exempt_.end(), layer.point.layer)) {
      return {keep_all(layer, Reason::exempt_layer)};
    }
    const AttentionStatistics& statistics = layer.statistics;
    const auto keys = static_cast<size_t>(statistics.keys);
    const int kv_heads = per_layer_ ? 1 : layer.cache.shape().kv_heads;
    std::vector<double> scores =
        reduce_heads(mean_last_rows(statistics, rows_), statistics.q_heads, kv_heads, reduction_);
    std::vector<Decision> decisions;
    for (int head = 0; head < kv_heads; ++head) {
      const std::span<double> of_head(scores.data() + static_cast<size_t>(head) * keys, keys);
      normalise(of_head);
      const RankedRows rows{.positions = layer.positions(head),
                            .scores = of_head,
                            .protected_first = sinks_,
                            .protected_last = recent_};
      const std::vector<int32_t> order = eviction_order(rows);
      Decision decision = cut_order(rows, order, mass_cut(rows, order, share_));
      decision.kv_head = per_layer_ ? -1 : head;
      decision.reason = order.empty() ? Reason::too_short : Reason::attention_mass;
      decision.threshold = share_;
      decisions.push_back(std::move(decision));
    }
    return decisions;
  }

 private:
  double share_;
  int64_t rows_;
  HeadReduction reduction_;
  bool per_layer_;
  int64_t sinks_;
  int64_t recent_;
  std::vector<int> exempt_;
};

}  // namespace

PolicyInfo top_p_policy() {
  return {
      .name = "top-p",
      .summary = "the fewest positions that hold a share of the attention, for each KV head",
      .options =
          "p=95%             share of the attention that stays\n"
          "rows=1            last prompt rows whose mean attention counts\n"
          "reduce=max        query heads of a KV head become one: max, mean, sum (rescaled to a "
          "share)\n"
          "per=head          a set for each KV head, or one for the layer (all query heads)\n"
          "sinks=0           first positions that always stay\n"
          "recent=1          newest positions that always stay\n"
          "keep-layers=none  layers left whole: 0-1, 0+1+31",
      .make = [](PolicyOptions& options) { return std::make_unique<TopP>(options); }};
}

}  // namespace kvreel::engine
