// H2O (Zhang et al. 2023, arXiv 2306.14048): the positions that have drawn most attention, summed
// over all query rows so far, and the newest ones.
//
// queries=all is the published rule: sums over every row of the prompt and, while decoding, of
// every step since. Half of the budget goes to heavy hitters and half to the newest positions, the
// paper's even split. queries=window is what the released ReFreeKV code calls h2o: sums over the
// last rows of the prompt alone, whose positions stay.
#include <algorithm>

#include "base/error.h"
#include "engine/policy/fixed_budget.h"
#include "engine/policy/observation_window.h"
#include "engine/policy/policies.h"
#include "engine/policy/ranked.h"

namespace kvreel::engine {
namespace {

// Attention that every original position has drawn so far, in each query head of each layer. Sums
// of evicted positions stay where they are, and are never read again.
class AttentionSums final : public PassState {
 public:
  AttentionSums(int layers, int q_heads)
      : q_heads_(static_cast<size_t>(q_heads)),
        sums_(static_cast<size_t>(layers) * static_cast<size_t>(q_heads)) {}

  // Adds the step's column sums.
  void add(const LayerView& layer) {
    const AttentionStatistics& statistics = layer.statistics;
    const auto keys = static_cast<size_t>(statistics.keys);
    for (size_t head = 0; head < q_heads_; ++head) {
      const std::span<const int32_t> positions = layer.positions(kv_head_of(layer, head));
      std::vector<double>& sums = of(layer, head);
      if (!positions.empty()) {
        sums.resize(std::max(sums.size(), static_cast<size_t>(positions.back()) + 1), 0.0);
      }
      const float* columns = statistics.column_sums.data() + head * keys;
      for (size_t row = 0; row < positions.size(); ++row) {
        sums[static_cast<size_t>(positions[row])] += static_cast<double>(columns[row]);
      }
    }
  }

  // Of the cached rows: [q_heads, keys].
  std::vector<double> read(const LayerView& layer) {
    const auto keys = static_cast<size_t>(layer.statistics.keys);
    std::vector<double> scores(q_heads_ * keys, 0.0);
    for (size_t head = 0; head < q_heads_; ++head) {
      const std::span<const int32_t> positions = layer.positions(kv_head_of(layer, head));
      const std::vector<double>& sums = of(layer, head);
      for (size_t row = 0; row < positions.size(); ++row) {
        scores[head * keys + row] = sums[static_cast<size_t>(positions[row])];
      }
    }
    return scores;
  }

 private:
  int kv_head_of(const LayerView& layer, size_t q_head) const {
    const size_t group = q_heads_ / static_cast<size_t>(layer.cache.shape().kv_heads);
    return static_cast<int>(q_head / group);
  }
  std::vector<double>& of(const LayerView& layer, size_t q_head) {
    return sums_[static_cast<size_t>(layer.point.layer) * q_heads_ + q_head];
  }

  size_t q_heads_;
  std::vector<std::vector<double>> sums_;  // [layers * q_heads][positions]
};

class H2o final : public FixedBudgetPolicy {
 public:
  explicit H2o(PolicyOptions& options)
      : FixedBudgetPolicy(FixedBudget::take("h2o", options, FixedBudget::Decoding::offered)) {
    constexpr int64_t kAbsent = -1;
    all_ = options.take_choice("queries", "all", {"all", "window"}) == "all";
    window_ = options.take_count("window", kAbsent);
    recent_ = options.take_amount("recent", {.value = kAbsent, .is_share = false});
    sinks_ = options.take_count("sinks", 0);
    reduction_ = take_head_reduction(options, "mean");
    if (all_ && window_ != kAbsent) {
      fail_usage("Policy 'h2o': window={} needs queries=window; queries=all sums over every row.",
                 window_);
    }
    if (!all_ && recent_.value >= 0) {
      fail_usage("Policy 'h2o': recent={} needs queries=all; with queries=window the window stays.",
                 recent_.text());
    }
    if (window_ == 0) {
      fail_usage("Policy 'h2o': window=0 leaves no row to score by; write window=8.");
    }
    if (!all_ && budget().while_decoding()) {
      fail_usage(
          "Policy 'h2o': decode=on needs queries=all; sums over a window of the prompt say nothing "
          "about generated tokens.");
    }
    if (window_ < 0) window_ = 8;
    if (recent_.value < 0) recent_ = {.value = 0.5, .is_share = true};
  }

  // While decoding, every step counts, whether or not it evicts.
  bool acts(const DecisionPoint& point) const override {
    return point.step == 0 || (budget().while_decoding() && !budget().is_exempt(point.layer));
  }

  StatisticsRequest needs(const DecisionPoint&) const override {
    return all_ ? StatisticsRequest{.column_sums = true} : StatisticsRequest{.last_rows = window_};
  }

  std::unique_ptr<PassState> start_pass(const ModelConfig& config, int64_t) const override {
    if (!budget().while_decoding()) return nullptr;
    return std::make_unique<AttentionSums>(config.layers, config.q_heads);
  }

 private:
  std::vector<std::pair<std::string, std::string>> own_parameters() const override {
    std::vector<std::pair<std::string, std::string>> parameters = {
        {"queries", all_ ? "all" : "window"}};
    if (all_) {
      parameters.emplace_back("recent", recent_.text());
    } else {
      parameters.emplace_back("window", std::to_string(window_));
    }
    parameters.emplace_back("sinks", std::to_string(sinks_));
    parameters.emplace_back("reduce", name_of(reduction_));
    return parameters;
  }

  std::vector<Decision> cut(const LayerView& layer, int64_t capacity) const override {
    const int64_t recent = newest(capacity);
    auto* state = static_cast<AttentionSums*>(layer.state);
    if (state) state->add(layer);
    if (!budget().evicts(layer.point)) return {};
    const AttentionStatistics& statistics = layer.statistics;
    const std::vector<double> sums =
        !all_   ? window_sums(statistics, recent)
        : state ? state->read(layer)
                : std::vector<double>(statistics.column_sums.begin(), statistics.column_sums.end());
    const std::vector<double> scores =
        reduce_heads(sums, statistics.q_heads, layer.cache.shape().kv_heads, reduction_);
    return cut_heads(layer, scores, capacity, {.sinks = sinks_, .recent = recent});
  }

  // Positions at the end that stay. A share is of the capacity, and at least the last token. The
  // window of the released code is 1 where the capacity is no larger than it.
  int64_t newest(int64_t capacity) const {
    if (!all_) return capacity > window_ ? window_ : 1;
    return recent_.is_share ? std::max<int64_t>(recent_.of(capacity), 1) : recent_.of(capacity);
  }

  bool all_;
  int64_t window_;  // with queries=window
  Amount recent_;   // with queries=all
  int64_t sinks_;
  HeadReduction reduction_;
};

}  // namespace

PolicyInfo h2o_policy() {
  return {
      .name = "h2o",
      .summary = "what has drawn most attention so far, and the newest positions",
      .options = std::string(kBudgetOptions) +
                 "\nqueries=all         rows that count: all, as published; window: the prompt's "
                 "last, as\n"
                 "                    in the released ReFreeKV code, for prefill only\n"
                 "recent=50%          of the budget, for the newest positions (H2O's even split), "
                 "or a count\n"
                 "window=8            with queries=window: rows that count, and stay; 1 where the\n"
                 "                    budget is no larger\n"
                 "sinks=0             first positions that always stay\n"
                 "reduce=mean         query heads of a KV head to one score: mean, sum, max",
      .make = [](PolicyOptions& options) { return std::make_unique<H2o>(options); }};
}

}  // namespace kvreel::engine
