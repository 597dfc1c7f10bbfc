// CAKE (Qin et al., 2025, arXiv 2503.12491): one budget for the whole model, cut into layers by how
// much each prefers to have, and cut anew, smaller for the earlier layers, as every layer comes.
//
// A is the attention of the prompt's last `window` rows (all query heads) to the positions before
// the window. A layer's preference is
//   P = H^(1/tau1) V^(1/tau2),   H = -sum A log A  (how widely its attention spreads),
//                                V = sum over positions of the variance over rows (how it moves),
// and its share of the total P / (sum of P over the layers so far). Within a layer a position is
// scored by the mean over rows + gamma * the variance over rows, averaged over `kernel` neighbours
// and over the query heads of its KV head; the window always stays. Variances are those of a sample
// (divided by rows - 1), as in the released code. The paper tunes tau1 and tau2 for each model and
// budget (0.4 to 2.3), so the defaults are 1, which favours neither; gamma is its 200.
//
// With `budget` b positions a layer, (b - window) * layers positions before the window are dealt
// out. No layer can get more than it has: shares are P times one factor, cut off at that (the rest
// goes to the other layers in proportion, where the released code deals it equally). The final
// budgets are whole: rounded down, and what is missing from the total goes to the largest
// remainders, the lower layer first of equals. On the way, at layer l, shares are rounded up:
// another layer makes the common factor smaller, so these only fall, and never below the final one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "engine/policy/budget.h"
#include "engine/policy/cake_budgets.h"
#include "engine/policy/policies.h"
#include "engine/policy/ranked.h"

namespace kvreel::engine {
namespace {

// Scores and preferences of the layers that have been seen.
struct CakeState final : PassState {
  struct Head {
    std::vector<int32_t> positions;  // before the first cut
    std::vector<double> scores;      // of each
    std::vector<int32_t> order;      // of eviction
  };
  std::vector<int> layers;               // that share the budget, ascending
  std::vector<std::vector<Head>> heads;  // of each
  std::vector<double> preferences;       // of each
  std::vector<int64_t> budgets;          // of each, as last cut
};

class Cake final : public Policy {
 public:
  explicit Cake(PolicyOptions& options)
      : budget_(options.take_budget("budget", {.value = 0.5, .is_share = true})),
        window_(options.take_count("window", 32)),
        tau1_(options.take_number("tau1", 1, 0.01, 100)),
        tau2_(options.take_number("tau2", 1, 0.01, 100)),
        gamma_(options.take_number("gamma", 200, 0, 1e9)),
        kernel_(options.take_count("kernel", 5)),
        reduction_(take_head_reduction(options, "mean")),
        exempt_(options.take_layers("keep-layers", {})) {
    if (window_ < 1) fail_usage("Policy 'cake': window must be at least 1.");
    if (kernel_ % 2 == 0) fail_usage("Policy 'cake': kernel must be odd, such as kernel=5.");
  }

  std::vector<std::pair<std::string, std::string>> parameters() const override {
    return {{"budget", budget_.text()},
            {"window", std::to_string(window_)},
            {"tau1", fmt::format("{:g}", tau1_)},
            {"tau2", fmt::format("{:g}", tau2_)},
            {"gamma", fmt::format("{:g}", gamma_)},
            {"kernel", std::to_string(kernel_)},
            {"reduce", name_of(reduction_)},
            {"keep-layers", layers_text(exempt_)}};
  }

  StatisticsRequest needs(const DecisionPoint&) const override { return {.last_rows = window_}; }

  void check(const ModelConfig& config) const override {
    check_layers("cake", "keep-layers", exempt_, config);
  }

  std::unique_ptr<PassState> start_pass(const ModelConfig&, int64_t) const override {
    return std::make_unique<CakeState>();
  }

  std::vector<Decision> decide(const LayerView& layer) const override {
    auto& state = *static_cast<CakeState*>(layer.state);
    const auto n = static_cast<int64_t>(layer.positions(0).size());
    const int64_t capacity = std::max<int64_t>(budget_.of(n), 1);
    if (capacity >= n) return {keep_all(layer, Reason::too_short)};

    std::vector<Decision> decisions;
    if (is_exempt(layer.point.layer)) {
      decisions.push_back(keep_all(layer, Reason::exempt_layer));
    } else {
      remember(state, layer, std::min(window_, capacity));
    }
    const bool last = layer.point.layer == layer.point.layers - 1;
    cut(decisions, state, layer, capacity, last);
    return decisions;
  }

 private:
  bool is_exempt(int layer) const {
    return std::binary_search(exempt_.begin(), exempt_.end(), layer);
  }

  void remember(CakeState& state, const LayerView& layer, int64_t window) const {
    const AttentionStatistics& statistics = layer.statistics;
    const int64_t before = statistics.keys - window;
    double entropy = 0;
    double shift = 0;
    std::vector<double> indicator;  // [q_heads, before]
    for (int64_t head = 0; head < statistics.q_heads; ++head) {
      const WindowMoments moments = window_moments(statistics, head, window, before);
      entropy += moments.entropy;
      shift = std::accumulate(moments.variance.begin(), moments.variance.end(), shift);
      std::vector<double> scores = moments.mean;
      for (size_t key = 0; key < scores.size(); ++key) {
        scores[key] += gamma_ * moments.variance[key];
      }
      scores = average_of_neighbours(scores, kernel_);
      indicator.insert(indicator.end(), scores.begin(), scores.end());
    }
    const int kv_heads = layer.cache.shape().kv_heads;
    const std::vector<double> reduced =
        reduce_heads(indicator, statistics.q_heads, kv_heads, reduction_);

    state.layers.push_back(layer.point.layer);
    state.preferences.push_back(std::pow(entropy, 1 / tau1_) * std::pow(shift, 1 / tau2_));
    std::vector<CakeState::Head>& heads = state.heads.emplace_back();
    for (int kv_head = 0; kv_head < kv_heads; ++kv_head) {
      const std::span<const int32_t> positions = layer.positions(kv_head);
      const auto begin = reduced.begin() + kv_head * before;
      CakeState::Head& of_head = heads.emplace_back();
      of_head.positions.assign(positions.begin(), positions.end());
      of_head.scores.assign(begin, begin + before);
      of_head.scores.resize(positions.size(), 0.0);  // the window has none
      of_head.order = eviction_order(rows_of(of_head, window));
    }
  }

  static RankedRows rows_of(const CakeState::Head& head, int64_t window) {
    return {.positions = head.positions, .scores = head.scores, .protected_last = window};
  }

  // How many of the model's layers the budget is dealt out to.
  int64_t sharing(int layers) const {
    return layers -
           std::count_if(exempt_.begin(), exempt_.end(), [&](int layer) { return layer < layers; });
  }

  // Cuts every layer so far to its share; for good at the last one.
  void cut(std::vector<Decision>& decisions, CakeState& state, const LayerView& layer,
           int64_t capacity, bool last) const {
    const int64_t window = std::min(window_, capacity);
    const int64_t most = layer.statistics.keys - window;
    const int64_t total = (capacity - window) * sharing(layer.point.layers);
    const auto deal = last ? final_cake_budgets : early_cake_budgets;
    const std::vector<int64_t> budgets = deal(state.preferences, total, most);
    state.budgets.resize(budgets.size(), most);
    for (size_t i = 0; i < budgets.size(); ++i) {
      if (!last && budgets[i] == state.budgets[i]) continue;
      for (size_t kv_head = 0; kv_head < state.heads[i].size(); ++kv_head) {
        const CakeState::Head& head = state.heads[i][kv_head];
        Decision decision = cut_order(rows_of(head, window), head.order, most - budgets[i]);
        decision.layer = state.layers[i];
        decision.kv_head = static_cast<int>(kv_head);
        decision.reason = Reason::fixed_budget;
        decision.provisional = !last;
        decisions.push_back(std::move(decision));
      }
    }
    state.budgets = budgets;
  }

  Amount budget_;
  int64_t window_;
  double tau1_;
  double tau2_;
  double gamma_;
  int64_t kernel_;
  HeadReduction reduction_;
  std::vector<int> exempt_;
};

}  // namespace

PolicyInfo cake_policy() {
  return {.name = "cake",
          .summary = "one budget dealt out to layers by how their attention spreads and moves",
          .options =
              "budget=50%        positions a layer on average: a share of the prompt, or a count\n"
              "window=32         newest positions, whose attention counts and which always stay\n"
              "tau1=1            temperature of the spread (entropy)\n"
              "tau2=1            temperature of the movement (variance)\n"
              "gamma=200         weight of the variance in a position's score\n"
              "kernel=5          neighbours whose scores are averaged, an odd number\n"
              "reduce=mean       query heads of a KV head become one: mean, sum, max\n"
              "keep-layers=none  layers left whole, outside the budget: 0-1, 0+1+31",
          .make = [](PolicyOptions& options) { return std::make_unique<Cake>(options); }};
}

}  // namespace kvreel::engine
