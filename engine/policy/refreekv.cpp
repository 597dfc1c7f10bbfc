// ReFreeKV (arXiv 2502.16886): after prefill, each layer evicts in rank order while the norm of the
// last prompt row's attention falls by no more than a threshold, and so sets its own budget.
//
// Defaults are the paper's method as the released code computes it (its options --method
// streamingllm --dynamic --metric last_token_attn --budget 1.0 --threshold 0.01 --save_layer 0,1).
// Two things differ from that code on purpose: scores are not rounded to the model's dtype unless
// asked, and attention ranking orders the positions of a KV head (mean over its query heads),
// because the cache is never repeated to query heads.
#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <random>

#include "base/error.h"
#include "engine/policy/budget.h"
#include "engine/policy/policies.h"
#include "engine/policy/ranked.h"
#include "engine/policy/refreekv_metric.h"

namespace kvreel::engine {
namespace {

// Which cached rows a decision is about: sinks, a gap that goes whatever is measured, candidates,
// and the newest rows.
struct Parts {
  int64_t sinks = 0;
  int64_t gap = 0;
  int64_t candidates = 0;
  int64_t first() const { return sinks + gap; }  // the oldest candidate
};

class ReFreeKv final : public Policy {
 public:
  explicit ReFreeKv(PolicyOptions& options) {
    const std::string preset = options.take_choice("preset", "paper", {"paper", "released-script"});
    // The released script's flags: --method h2o --dynamic --threshold 0.05: ranked by the last 8
    // queries' attention, those 8 positions protected and outside the metric, no sinks, no layer
    // exempt, bf16 probabilities.
    const bool script = preset == "released-script";
    preset_ = preset;
    threshold_ = options.take_signed_fraction("threshold", script ? 0.05 : 0.01);
    sinks_ = options.take_count("sinks", script ? 0 : 4);
    recent_ = options.take_count("recent", script ? 8 : 0);
    exempt_ = options.take_layers("keep-layers", script ? std::vector<int>{} : kPaperExempt);
    by_attention_ = options.take_choice("rank", script ? "attention" : "position",
                                        {"position", "attention"}) == "attention";
    score_rows_ = options.take_count("score-rows", script ? 8 : 1);
    base_all_ = options.take_choice("base", "candidates", {"candidates", "all"}) == "all";
    metric_ = ReFreeKvMetric::take(options, script, by_attention_);
    budget_ = options.take_budget("budget", {.value = 1, .is_share = true});
    seed_ = options.take_seed("seed", 0);
    if (score_rows_ < 1) fail_usage("Policy 'refreekv': score-rows must be at least 1.");
  }

  std::vector<std::pair<std::string, std::string>> parameters() const override {
    return {{"preset", preset_},
            {"threshold", percent_text(threshold_)},
            {"sinks", std::to_string(sinks_)},
            {"recent", std::to_string(recent_)},
            {"keep-layers", layers_text(exempt_)},
            {"rows", metric_.rows.text()},
            {"rank", by_attention_ ? "attention" : "position"},
            {"score-rows", std::to_string(score_rows_)},
            {"base", base_all_ ? "all" : "candidates"},
            {"rounding", metric_.bf16 ? "bf16" : "fp32"},
            {"metric", metric_.name},
            {"normalize", metric_.average ? "mean" : "sum"},
            {"rows-mask", metric_.causal ? "causal" : "none"},
            {"budget", budget_.text()},
            {"seed", std::to_string(seed_)}};
  }

  StatisticsRequest needs(const DecisionPoint& point) const override {
    StatisticsRequest request;
    if (is_random()) return request;
    if (by_attention_) request.last_rows = score_rows_;
    metric_.add_needs(request, point.prompt_tokens);
    return request;
  }

  void check(const ModelConfig& config) const override {
    // The default may name a second layer to a model that has one.
    if (exempt_ != kPaperExempt) check_layers("refreekv", "keep-layers", exempt_, config);
  }

  std::vector<Decision> decide(const LayerView& layer) const override {
    const std::span<const int32_t> cached = layer.positions(0);
    const auto n = static_cast<int64_t>(cached.size());
    Decision decision{.reason = Reason::threshold,
                      .cached = n,
                      .kept = KeptSet::all(cached),
                      .threshold = is_random() ? Decision::kNone : threshold_};
    const Parts parts = parts_of(n);
    const bool exempt = std::binary_search(exempt_.begin(), exempt_.end(), layer.point.layer);
    if (parts.candidates == 0) {
      decision.reason = Reason::too_short;
      if (parts.gap > 0 && !exempt) {  // the window is all newest positions: nothing to measure
        decision.reason = Reason::fixed_budget;
        decision.threshold = Decision::kNone;
        decision.cut = parts.gap;
        apply(decision, cached, with_gap(parts, {}));
      }
      return {decision};
    }
    if (is_random()) return exempt ? leave_whole(decision) : draw(decision, layer, parts);

    const Rankings rankings =
        by_attention_ ? rank_by_attention(layer, parts) : rank_by_position(parts);
    const auto curve =
        std::make_shared<const NormCurve>(measure(layer, parts, rankings.candidates));
    decision.reason = exempt ? Reason::exempt_layer : Reason::threshold;
    decision.curve = curve;
    decision.cut =
        exempt ? 0 : cut_at(base_all_ ? curve->distance_all : curve->distance, threshold_);

    // One cut for the layer; what it removes differs by KV head where the rankings do.
    std::vector<Decision> decisions;
    for (size_t i = 0; i < rankings.candidates.size(); ++i) {
      decision.kv_head = rankings.candidates.size() == 1 ? -1 : static_cast<int>(i);
      apply(decision, cached, with_gap(parts, rankings.candidates[i]));
      if (by_attention_) decision.scores = scores_of(decision, cached, rankings.scores[i]);
      decisions.push_back(decision);
    }
    return decisions;
  }

 private:
  // For all KV heads, or for each.
  struct Rankings {
    std::vector<std::vector<int32_t>> candidates;  // indices of cached rows, first to go first
    std::vector<std::vector<double>> scores;       // of every cached row; empty by position
  };

  bool is_random() const { return threshold_ < 0; }

  // With a budget below the prompt, the released code's StreamingLLM: a window of the budget less
  // the sinks, and of at least one; between them everything goes.
  Parts parts_of(int64_t n) const {
    Parts parts{.sinks = std::min(sinks_, n)};
    const int64_t capacity = std::max<int64_t>(budget_.of(n), 1);
    if (capacity < n) {
      const int64_t window = capacity > sinks_ ? capacity - sinks_ : 1;
      parts.sinks = capacity - window;
      parts.gap = n - capacity;
    }
    parts.candidates = std::max<int64_t>(n - parts.first() - recent_, 0);
    return parts;
  }

  static std::vector<int32_t> oldest_first(const Parts& parts) {
    std::vector<int32_t> order(static_cast<size_t>(parts.candidates));
    std::iota(order.begin(), order.end(), static_cast<int32_t>(parts.first()));
    return order;
  }

  static Rankings rank_by_position(const Parts& parts) {
    return {.candidates = {oldest_first(parts)}, .scores = {}};
  }

  Rankings rank_by_attention(const LayerView& layer, const Parts& parts) const {
    const AttentionStatistics& statistics = layer.statistics;
    const int kv_heads = layer.cache.shape().kv_heads;
    const int64_t group = statistics.q_heads / kv_heads;
    const int64_t rows = std::min(score_rows_, statistics.last_rows);
    Rankings rankings;
    for (int kv_head = 0; kv_head < kv_heads; ++kv_head) {
      std::vector<double> scores(static_cast<size_t>(statistics.keys), 0.0);
      for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
        for (int64_t r = statistics.last_rows - rows; r < statistics.last_rows; ++r) {
          const std::span<const float> row = statistics.row(head, r);
          for (size_t key = 0; key < row.size(); ++key)
            scores[key] += static_cast<double>(row[key]);
        }
      }
      rankings.candidates.push_back(
          eviction_order({.positions = layer.positions(kv_head),
                          .scores = scores,
                          .protected_first = parts.first(),
                          .protected_last = statistics.keys - parts.first() - parts.candidates}));
      rankings.scores.push_back(std::move(scores));
    }
    return rankings;
  }

  // What goes whatever is measured comes first, oldest first, at no distance: so the cut is read
  // off the curve as everywhere.
  static std::vector<int32_t> with_gap(const Parts& parts, const std::vector<int32_t>& candidates) {
    std::vector<int32_t> order(static_cast<size_t>(parts.gap));
    std::iota(order.begin(), order.end(), static_cast<int32_t>(parts.sinks));
    order.insert(order.end(), candidates.begin(), candidates.end());
    return order;
  }

  NormCurve measure(const LayerView& layer, const Parts& parts,
                    std::span<const std::vector<int32_t>> candidates) const {
    NormCurve curve = metric_.curve(layer, parts.sinks, parts.first(), candidates);
    for (std::vector<float>* distance : {&curve.distance, &curve.distance_all}) {
      // Where nothing is measured nothing goes.
      distance->insert(distance->begin(), static_cast<size_t>(parts.gap),
                       std::isnan(distance->front()) ? distance->front() : 0.0f);
    }
    return curve;
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
    decision.halt_position =
        decision.cut < std::ssize(order) ? order[static_cast<size_t>(decision.cut)] : -1;
    decision.ranking = std::make_shared<const std::vector<int32_t>>(std::move(order));
  }

  // Scores of cached rows in the order of the decision's ranking.
  static std::shared_ptr<const std::vector<float>> scores_of(const Decision& decision,
                                                             std::span<const int32_t> cached,
                                                             const std::vector<double>& scores) {
    std::vector<float> ranked;
    for (const int32_t position : *decision.ranking) {
      const auto row = std::lower_bound(cached.begin(), cached.end(), position) - cached.begin();
      ranked.push_back(static_cast<float>(scores[static_cast<size_t>(row)]));
    }
    return std::make_shared<const std::vector<float>>(std::move(ranked));
  }

  static std::vector<Decision> leave_whole(Decision decision) {
    decision.reason = Reason::exempt_layer;
    return {decision};
  }

  // The released code's random baseline, a negative threshold: of L candidates each head keeps
  // those that int(L * |threshold|) draws with replacement hit.
  std::vector<Decision> draw(Decision decision, const LayerView& layer, const Parts& parts) const {
    const auto draws = static_cast<int64_t>(static_cast<double>(parts.candidates) * -threshold_);
    const std::span<const int32_t> cached = layer.positions(0);
    decision.reason = Reason::fixed_budget;
    std::vector<Decision> decisions;
    for (int head = 0; head < layer.cache.shape().kv_heads; ++head) {
      std::seed_seq seed{static_cast<uint32_t>(seed_), static_cast<uint32_t>(layer.point.layer),
                         static_cast<uint32_t>(head)};
      std::mt19937_64 random(seed);
      std::vector<bool> hit(cached.size(), false);
      for (int64_t i = 0; i < draws; ++i) {
        hit[static_cast<size_t>(parts.first()) +
            random() % static_cast<uint64_t>(parts.candidates)] = true;
      }
      std::vector<int32_t> order = oldest_first(parts);
      const auto kept_from = std::stable_partition(
          order.begin(), order.end(), [&](int32_t row) { return !hit[static_cast<size_t>(row)]; });
      decision.kv_head = head;
      decision.cut = parts.gap + (kept_from - order.begin());
      apply(decision, cached, with_gap(parts, order));
      decisions.push_back(decision);
    }
    return decisions;
  }

  inline static const std::vector<int> kPaperExempt = {0, 1};

  std::string preset_;
  double threshold_;
  int64_t sinks_;
  int64_t recent_;
  std::vector<int> exempt_;
  bool by_attention_;
  int64_t score_rows_;
  bool base_all_;
  ReFreeKvMetric metric_;
  Amount budget_;
  int64_t seed_;
};

}  // namespace

PolicyInfo refreekv_policy() {
  return {
      .name = "refreekv",
      .summary =
          "evict in rank order while the last row's attention norm falls by at most a threshold",
      .options =
          "threshold=1%      largest drop of the norm (1% or 0.01); -30%: instead keep what 30 % "
          "of\n"
          "                  as many random draws hit\n"
          "sinks=4           first positions that always stay\n"
          "recent=0          newest positions that always stay, outside the metric\n"
          "keep-layers=0-1   layers left whole: none, 0-1, 0+1+31\n"
          "rows=1            prompt rows the norm is taken of: a count, or a share (2%)\n"
          "rank=position     position: oldest first; attention: weakest first, by KV head\n"
          "score-rows=1      with rank=attention: last prompt rows whose attention ranks\n"
          "base=candidates   norm over the candidates, or over all positions (the formula as "
          "printed)\n"
          "rounding=fp32     fp32, or bf16: round the probabilities as the released code does\n"
          "metric=last-row   what is measured of the attention: last-row, or of the whole matrix\n"
          "                  col-square-sum, col-sqrt-sum, row-square-sum, row-sqrt-sum; norm-1 "
          "and\n"
          "                  norm-fro (= norm-2) of the removed part (rank=position)\n"
          "normalize=mean    several rows become one by the mean of their entries that are not "
          "zero,\n"
          "                  or by their sum\n"
          "rows-mask=causal  none: rows before the last see later tokens, as in the released code\n"
          "budget=100%       less: only the sinks and a window of the newest are candidates to "
          "stay\n"
          "seed=0            of the draws of a negative threshold\n"
          "preset=paper      paper: the above; released-script: the flags of the released script",
      .make = [](PolicyOptions& options) { return std::make_unique<ReFreeKv>(options); }};
}

}  // namespace kvreel::engine
