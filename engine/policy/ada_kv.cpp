// Ada-KV (Feng et al. 2024, arXiv 2407.11550): the budget of a layer, split over its KV heads by
// taking the best scores of all heads together, on SnapKV's scores.
//
// The safeguard is the released code's: a share of each head's even budget is its own, and only
// the rest is contended for. The layer's total is that of an even split, exactly.
#include <algorithm>
#include <tuple>

#include "engine/policy/fixed_budget.h"
#include "engine/policy/observation_window.h"
#include "engine/policy/policies.h"
#include "engine/policy/ranked.h"

namespace kvreel::engine {
namespace {

// How many candidates of each head go, so that `keep` stay per head in the mean and at least
// `least` in each. orders[h]: candidate rows of head h in the order of eviction, as many in each.
// Of equal scores the older goes first, then the lower head's.
std::vector<int64_t> contended_cuts(const std::vector<RankedRows>& heads,
                                    const std::vector<std::vector<int32_t>>& orders, int64_t keep,
                                    int64_t least) {
  std::vector<std::tuple<double, int32_t, size_t>> contended;  // score, row, head
  for (size_t head = 0; head < heads.size(); ++head) {
    const auto open = static_cast<int64_t>(orders[head].size()) - least;
    for (int64_t i = 0; i < open; ++i) {
      const int32_t row = orders[head][static_cast<size_t>(i)];
      contended.emplace_back(heads[head].scores[static_cast<size_t>(row)], row, head);
    }
  }
  const auto count = static_cast<int64_t>(heads.size());
  const int64_t candidates = static_cast<int64_t>(orders[0].size());
  const auto gone = static_cast<long>(count * (candidates - keep));
  std::nth_element(contended.begin(), contended.begin() + gone, contended.end());
  std::vector<int64_t> cuts(heads.size(), 0);
  for (auto each = contended.begin(); each != contended.begin() + gone; ++each) {
    ++cuts[std::get<2>(*each)];
  }
  return cuts;
}

class AdaKv final : public FixedBudgetPolicy {
 public:
  explicit AdaKv(PolicyOptions& options)
      : FixedBudgetPolicy(FixedBudget::take("ada-kv", options, FixedBudget::Decoding::not_offered)),
        floor_(options.take_fraction("floor", 0.2)),
        window_(ObservationWindow::take("ada-kv", options)) {}

  StatisticsRequest needs(const DecisionPoint&) const override { return window_.needs(); }

 private:
  std::vector<std::pair<std::string, std::string>> own_parameters() const override {
    auto parameters = window_.parameters();
    parameters.emplace_back("floor", percent_text(floor_));
    return parameters;
  }

  std::vector<Decision> cut(const LayerView& layer, int64_t capacity) const override {
    const auto keys = static_cast<size_t>(layer.statistics.keys);
    const int64_t rows = window_.rows(capacity);
    const std::vector<double> scores = window_.scores(layer, rows);
    std::vector<RankedRows> heads;
    std::vector<std::vector<int32_t>> orders;
    for (int head = 0; head < layer.cache.shape().kv_heads; ++head) {
      heads.push_back({.positions = layer.positions(head),
                       .scores = std::span(scores).subspan(static_cast<size_t>(head) * keys, keys),
                       .protected_last = rows});
      orders.push_back(eviction_order(heads.back()));
    }
    // Candidates that stay in each head if all have the same; the window stays beside them.
    const int64_t keep = std::min<int64_t>(capacity - rows, static_cast<int64_t>(orders[0].size()));
    const auto least = static_cast<int64_t>(floor_ * static_cast<double>(keep));
    const std::vector<int64_t> cuts = contended_cuts(heads, orders, keep, least);
    std::vector<Decision> decisions;
    for (size_t head = 0; head < heads.size(); ++head) {
      decisions.push_back(cut_order(heads[head], orders[head], cuts[head]));
      decisions.back().kv_head = static_cast<int>(head);
      // A head that loses nothing has won all the room it asked for, and is not short.
      if (keep < static_cast<int64_t>(orders[head].size())) {
        decisions.back().reason = Reason::fixed_budget;
      }
    }
    return decisions;
  }

  double floor_;
  ObservationWindow window_;
};

}  // namespace

PolicyInfo ada_kv_policy() {
  return {.name = "ada-kv",
          .summary = "snapkv with a layer's budget split over its KV heads by their scores",
          .options = std::string(kPrefillBudgetOptions) +
                     "\nwindow, pool, kernel, reduce                        as snapkv has them"
                     "\nfloor=20%           share of its even budget that every KV head has",
          .make = [](PolicyOptions& options) { return std::make_unique<AdaKv>(options); }};
}

}  // namespace kvreel::engine
