// ReFreeKV (arXiv 2502.16886): after prefill, each layer evicts in rank order while the norm of the
// last prompt row's attention falls by no more than a threshold, and so sets its own budget.
//
// Defaults are the paper's method as the released code computes it (its options --method
// streamingllm --dynamic --metric last_token_attn --budget 1.0 --threshold 0.01 --save_layer 0,1).
// Two things differ from that code on purpose: scores are not rounded to the model's dtype unless
// asked, and attention ranking orders the positions of a KV head (mean over its query heads),
// because the cache is never repeated to query heads.
#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "engine/policy/norm_curve.h"
#include "engine/policy/policies.h"

namespace kvreel::engine {
namespace {

class ReFreeKv final : public Policy {
 public:
  explicit ReFreeKv(PolicyOptions& options) {
    const std::string preset = options.take_choice("preset", "paper", {"paper", "released-script"});
    // The released script's flags: --method h2o --dynamic --threshold 0.05: ranked by the last 8
    // queries' attention, those 8 positions protected and outside the metric, no sinks, no layer
    // exempt, bf16 probabilities.
    const bool script = preset == "released-script";
    preset_ = preset;
    threshold_ = options.take_fraction("threshold", script ? 0.05 : 0.01);
    sinks_ = options.take_count("sinks", script ? 0 : 4);
    recent_ = options.take_count("recent", script ? 8 : 0);
    exempt_ =
        options.take_layers("keep-layers", script ? std::vector<int>{} : std::vector<int>{0, 1});
    rows_ = options.take_amount("rows", {.value = 1, .is_share = false});
    by_attention_ = options.take_choice("rank", script ? "attention" : "position",
                                        {"position", "attention"}) == "attention";
    score_rows_ = options.take_count("score-rows", script ? 8 : 1);
    base_all_ = options.take_choice("base", "candidates", {"candidates", "all"}) == "all";
    bf16_ = options.take_choice("rounding", script ? "bf16" : "fp32", {"fp32", "bf16"}) == "bf16";
    if (score_rows_ < 1) fail_usage("Policy 'refreekv': score-rows must be at least 1.");
  }

  std::vector<std::pair<std::string, std::string>> parameters() const override {
    return {{"preset", preset_},
            {"threshold", percent_text(threshold_)},
            {"sinks", std::to_string(sinks_)},
            {"recent", std::to_string(recent_)},
            {"keep-layers", layers_text(exempt_)},
            {"rows", rows_.text()},
            {"rank", by_attention_ ? "attention" : "position"},
            {"score-rows", std::to_string(score_rows_)},
            {"base", base_all_ ? "all" : "candidates"},
            {"rounding", bf16_ ? "bf16" : "fp32"}};
  }

  StatisticsRequest needs(const DecisionPoint& point) const override {
    const int64_t scored = by_attention_ ? score_rows_ : 1;
    return {.last_rows = std::max(metric_rows(point.prompt_tokens), scored)};
  }

  std::vector<Decision> decide(const LayerView& layer) const override {
    const AttentionStatistics& statistics = layer.statistics;
    const std::span<const int32_t> cached = layer.positions(0);
    const auto n = static_cast<int64_t>(cached.size());
    Decision decision{.reason = Reason::threshold,
                      .cached = n,
                      .kept = KeptSet::all(cached),
                      .threshold = threshold_};
    const int64_t first = std::min(sinks_, n);
    const int64_t candidates = std::max<int64_t>(n - first - recent_, 0);
    if (candidates == 0) {
      decision.reason = Reason::too_short;
      return {decision};
    }

    const std::vector<std::vector<int32_t>> rankings =
        by_attention_
            ? rank_by_attention(layer.cache.shape().kv_heads, first, candidates, statistics)
            : rank_by_position(first, candidates);
    const auto curve = std::make_shared<const NormCurve>(
        norm_curve(reduced_rows(statistics), statistics.q_heads, rankings));
    const bool exempt = std::binary_search(exempt_.begin(), exempt_.end(), layer.point.layer);
    decision.reason = exempt ? Reason::exempt_layer : Reason::threshold;
    decision.curve = curve;
    decision.cut =
        exempt ? 0 : cut_at(base_all_ ? curve->distance_all : curve->distance, threshold_);

    // One cut for the layer; what it removes differs by KV head where the rankings do.
    std::vector<Decision> decisions;
    for (size_t i = 0; i < rankings.size(); ++i) {
      decision.kv_head = rankings.size() == 1 ? -1 : static_cast<int>(i);
      apply(decision, cached, rankings[i]);
      decisions.push_back(decision);
    }
    return decisions;
  }

 private:
  int64_t metric_rows(int64_t prompt_tokens) const {
    return std::clamp<int64_t>(rows_.of(prompt_tokens), 1, prompt_tokens);
  }

  // All rankings hold indices of cached rows, first to be evicted first.
  static std::vector<std::vector<int32_t>> rank_by_position(int64_t first, int64_t candidates) {
    std::vector<int32_t> oldest_first(static_cast<size_t>(candidates));
    std::iota(oldest_first.begin(), oldest_first.end(), static_cast<int32_t>(first));
    return {std::move(oldest_first)};
  }

  std::vector<std::vector<int32_t>> rank_by_attention(int kv_heads, int64_t first,
                                                      int64_t candidates,
                                                      const AttentionStatistics& statistics) const {
    const int64_t group = statistics.q_heads / kv_heads;
    const int64_t rows = std::min(score_rows_, statistics.last_rows);
    std::vector<std::vector<int32_t>> rankings;
    for (int kv_head = 0; kv_head < kv_heads; ++kv_head) {
      std::vector<double> scores(static_cast<size_t>(statistics.keys), 0.0);
      for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
        for (int64_t r = statistics.last_rows - rows; r < statistics.last_rows; ++r) {
          const std::span<const float> row = statistics.row(head, r);
          for (size_t key = 0; key < row.size(); ++key)
            scores[key] += static_cast<double>(row[key]);
        }
      }
      rankings.push_back(rank_by_position(first, candidates)[0]);
      std::stable_sort(rankings.back().begin(), rankings.back().end(), [&](int32_t a, int32_t b) {
        return scores[static_cast<size_t>(a)] < scores[static_cast<size_t>(b)];
      });
    }
    return rankings;
  }

  std::vector<float> reduced_rows(const AttentionStatistics& statistics) const {
    const int64_t rows = std::min(metric_rows(statistics.keys), statistics.last_rows);
    std::vector<float> reduced = reduce_last_rows(statistics, rows);
    if (bf16_) round_to_bf16(reduced);
    return reduced;
  }

  // Turns the cut of a ranking of cached rows into original positions.
  static void apply(Decision& decision, std::span<const int32_t> cached,
                    const std::vector<int32_t>& ranking) {
    std::vector<int32_t> order(ranking.size());
    for (size_t i = 0; i < ranking.size(); ++i) order[i] = cached[static_cast<size_t>(ranking[i])];
    std::vector<bool> evicted(cached.size(), false);
    for (size_t i = 0; i < static_cast<size_t>(decision.cut); ++i) {
      evicted[static_cast<size_t>(ranking[i])] = true;
    }
    std::vector<int32_t> kept;
    for (size_t row = 0; row < cached.size(); ++row) {
      if (!evicted[row]) kept.push_back(cached[row]);
    }
    decision.kept = KeptSet::all(kept);
    decision.halt_position = order[static_cast<size_t>(decision.cut)];
    decision.ranking = std::make_shared<const std::vector<int32_t>>(std::move(order));
  }

  std::string preset_;
  double threshold_;
  int64_t sinks_;
  int64_t recent_;
  std::vector<int> exempt_;
  Amount rows_;
  bool by_attention_;
  int64_t score_rows_;
  bool base_all_;
  bool bf16_;
};

}  // namespace

PolicyInfo refreekv_policy() {
  return {
      .name = "refreekv",
      .summary =
          "evict in rank order while the last row's attention norm falls by at most a threshold",
      .options =
          "threshold=1%      largest drop of the norm (1% or 0.01)\n"
          "sinks=4           first positions that always stay\n"
          "recent=0          newest positions that always stay, outside the metric\n"
          "keep-layers=0-1   layers left whole: none, 0-1, 0+1+31\n"
          "rows=1            prompt rows the norm is taken of: a count, or a share (2%)\n"
          "rank=position     position: oldest first; attention: weakest first, by KV head\n"
          "score-rows=1      with rank=attention: last prompt rows whose attention ranks\n"
          "base=candidates   norm over the candidates, or over all positions (the formula as "
          "printed)\n"
          "rounding=fp32     fp32, or bf16: round the probabilities as the released code does\n"
          "preset=paper      paper: the above; released-script: the flags of the released script",
      .make = [](PolicyOptions& options) { return std::make_unique<ReFreeKv>(options); }};
}

}  // namespace kvreel::engine
