// HARD-KV (Yang et al., 2026, arXiv 2606.28831): while decoding, every so many steps, each KV head
// keeps the positions that hold a share p of the attention of the newest queries, but no fewer than
// its budget.
//
// At a compression the last `window` query vectors are held against the cached keys behind the
// sinks and before the newest `window` positions, which both stay. The logits of the query heads of
// a KV head become one by their maximum; a score turns them into z (attention: as they are; snapkv:
// the largest of `kernel` neighbours), and the weights are the mean over the queries of softmax(z /
// T). T makes scores comparable: with K the fewest positions that hold p of the raw attention (z
// the logits, T = 1), T is such that the K largest weights sum up to p. It is fitted once for each
// layer and KV head, at the sequence's first compression. What stays is the fewest positions that
// hold p of the weights, or the best that fill the budget where these are more.
//
// This follows the paper's statement. Its release differs: it starts an optimiser whose result is
// not used (T is always 0.5) and shares T between layers. The equation is solved here by bisection.
// The paper first hides positions and later frees them, to suit its engine; here they are freed at
// once, which is the same to the attention. The score of R-KV is left out, and a sliding window
// plays no part.
#include <algorithm>
#include <deque>
#include <memory>

#include "base/error.h"
#include "engine/policy/attention_mass.h"
#include "engine/policy/budget.h"
#include "engine/policy/logits_calibration.h"
#include "engine/policy/policies.h"
#include "engine/policy/query_logits.h"
#include "engine/policy/ranked.h"

namespace kvreel::engine {
namespace {

// Newest queries, and fitted temperatures.
struct HardKvState final : PassState {
  struct Layer {
    std::deque<std::vector<float>> queries;  // [q_heads, head_dim] each, oldest first
    std::vector<double> temperatures;        // [kv_heads]; 0: not fitted yet
  };
  std::vector<Layer> layers;
};

class HardKv final : public Policy {
 public:
  explicit HardKv(PolicyOptions& options)
      : budget_(options.take_budget("budget", {.value = 1024, .is_share = false})),
        share_(options.take_fraction("p", 0.9)),
        every_(options.take_count("every", 128)),
        window_(options.take_count("window", 32)),
        sinks_(options.take_count("sinks", 1)),
        pooled_(options.take_choice("score", "snapkv", {"attention", "snapkv"}) == "snapkv"),
        kernel_(options.take_count("kernel", 7)) {
    if (share_ <= 0)
      fail_usage("Policy 'hard-kv': p must be above 0; write a share such as p=90%.");
    if (every_ < 1) fail_usage("Policy 'hard-kv': every must be at least 1 step.");
    if (window_ < 1) fail_usage("Policy 'hard-kv': window must be at least 1.");
    if (kernel_ % 2 == 0) fail_usage("Policy 'hard-kv': kernel must be odd, such as kernel=7.");
  }

  std::vector<std::pair<std::string, std::string>> parameters() const override {
    return {{"budget", budget_.text()},         {"p", percent_text(share_)},
            {"every", std::to_string(every_)},  {"window", std::to_string(window_)},
            {"sinks", std::to_string(sinks_)},  {"score", pooled_ ? "snapkv" : "attention"},
            {"kernel", std::to_string(kernel_)}};
  }

  // Also in the steps whose queries the next compression looks at.
  bool acts(const DecisionPoint& point) const override {
    return point.step == 0 || (every_ - point.step % every_) % every_ < window_;
  }

  StatisticsRequest needs(const DecisionPoint&) const override { return {.last_queries = window_}; }

  std::unique_ptr<PassState> start_pass(const ModelConfig& config, int64_t) const override {
    auto state = std::make_unique<HardKvState>();
    state->layers.resize(static_cast<size_t>(config.layers));
    for (HardKvState::Layer& layer : state->layers) {
      layer.temperatures.resize(static_cast<size_t>(config.kv_heads));
    }
    return state;
  }

  std::vector<Decision> decide(const LayerView& layer) const override {
    const DecisionPoint& point = layer.point;
    HardKvState::Layer& state =
        static_cast<HardKvState*>(layer.state)->layers[static_cast<size_t>(point.layer)];
    remember(state, layer.statistics);
    if (point.step % every_ != 0) return {};
    const int64_t budget = positions_of_budget(point.prompt_tokens);
    if (layer.cache.longest(point.layer) < budget) {
      if (point.step > 0) return {};
      return {keep_all(layer, Reason::too_short)};
    }
    std::vector<Decision> decisions;
    for (int kv_head = 0; kv_head < layer.cache.shape().kv_heads; ++kv_head) {
      decisions.push_back(compress(layer, state, kv_head, budget));
    }
    return decisions;
  }

 private:
  // A count is not cut down to the prompt: the cache grows beyond it.
  int64_t positions_of_budget(int64_t prompt_tokens) const {
    return budget_.is_share ? std::max<int64_t>(budget_.of(prompt_tokens), 1)
                            : static_cast<int64_t>(budget_.value);
  }

  void remember(HardKvState::Layer& state, const AttentionStatistics& statistics) const {
    for (int64_t r = 0; r < statistics.last_queries; ++r) {
      std::vector<float>& queries = state.queries.emplace_back();
      for (int64_t head = 0; head < statistics.q_heads; ++head) {
        const std::span<const float> query = statistics.query(head, r);
        queries.insert(queries.end(), query.begin(), query.end());
      }
    }
    while (std::ssize(state.queries) > window_) state.queries.pop_front();
  }

  Decision compress(const LayerView& layer, HardKvState::Layer& state, int kv_head,
                    int64_t budget) const {
    const std::span<const int32_t> positions = layer.positions(kv_head);
    const auto cached = static_cast<int64_t>(positions.size());
    const int64_t candidates = cached - sinks_ - window_;
    std::vector<double> scores(positions.size(), 0.0);
    const RankedRows rows{.positions = positions,
                          .scores = scores,
                          .protected_first = sinks_,
                          .protected_last = window_};
    if (candidates <= 0) {
      Decision decision = cut_order(rows, {}, 0);
      decision.kv_head = kv_head;
      return decision;
    }
    const std::vector<double> raw = logits_of(layer, state, kv_head, candidates);
    const std::vector<double> z = pooled_ ? largest_of_neighbours(raw, candidates, kernel_) : raw;
    double& temperature = state.temperatures[static_cast<size_t>(kv_head)];
    if (temperature == 0) {
      const int64_t count = fewest_with_share(mean_softmax(raw, candidates, 1), share_);
      temperature = fit_temperature(z, candidates, count, share_);
    }
    const std::vector<double> weights = mean_softmax(z, candidates, temperature);
    std::copy(weights.begin(), weights.end(), scores.begin() + sinks_);

    const std::vector<int32_t> order = eviction_order(rows);
    const int64_t over_budget = std::max<int64_t>(cached - std::max(budget, sinks_ + window_), 0);
    Decision decision =
        cut_order(rows, order, std::min(mass_cut(rows, order, share_), over_budget));
    decision.kv_head = kv_head;
    decision.reason = Reason::attention_mass;
    decision.threshold = share_;
    decision.temperature = temperature;
    return decision;
  }

  // [queries, candidates], the largest over the query heads of the KV head.
  std::vector<double> logits_of(const LayerView& layer, const HardKvState::Layer& state,
                                int kv_head, int64_t candidates) const {
    const int64_t dim = layer.config.head_dim;
    const int64_t group = layer.config.q_heads / layer.config.kv_heads;
    const std::vector<float> keys = layer.keys(kv_head);
    const auto behind_sinks = std::span<const float>(keys).subspan(
        static_cast<size_t>(sinks_ * dim), static_cast<size_t>(candidates * dim));
    std::vector<double> largest;
    for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      std::vector<float> queries;
      for (const std::vector<float>& step : state.queries) {
        queries.insert(queries.end(), step.begin() + head * dim, step.begin() + (head + 1) * dim);
      }
      const std::vector<float> logits = query_logits(queries, behind_sinks, dim);
      if (largest.empty()) {
        largest.assign(logits.begin(), logits.end());
        continue;
      }
      for (size_t i = 0; i < logits.size(); ++i) {
        largest[i] = std::max(largest[i], static_cast<double>(logits[i]));
      }
    }
    return largest;
  }

  Amount budget_;
  double share_;
  int64_t every_;
  int64_t window_;
  int64_t sinks_;
  bool pooled_;
  int64_t kernel_;
};

}  // namespace

PolicyInfo hard_kv_policy() {
  return {.name = "hard-kv",
          .summary =
              "while decoding, by KV head: the share p of the newest queries' attention, or "
              "a budget",
          .options =
              "budget=1024       positions that a KV head keeps at least: a count, or a share of "
              "the prompt\n"
              "p=90%             share of the weights that stays\n"
              "every=128         steps between compressions; the first is the end of prefill\n"
              "window=32         newest queries that are looked at, and positions that stay\n"
              "sinks=1           first positions that always stay\n"
              "score=snapkv      attention, or snapkv: the largest logit of the neighbours\n"
              "kernel=7          of how many, an odd number",
          .make = [](PolicyOptions& options) { return std::make_unique<HardKv>(options); }};
}

}  // namespace kvreel::engine
