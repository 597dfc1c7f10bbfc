// StreamingLLM (Xiao et al., 2023) as a fixed prompt budget: the first positions and the newest
// ones stay.
#include <algorithm>

#include "engine/policy/policies.h"

namespace kvreel::engine {
namespace {

class StreamingLlm final : public Policy {
 public:
  explicit StreamingLlm(PolicyOptions& options)
      : budget_(options.take_amount("budget", {.value = 0.5, .is_share = true})),
        sinks_(options.take_count("sinks", 4)),
        exempt_(options.take_layers("keep-layers", {})) {}

  std::vector<std::pair<std::string, std::string>> parameters() const override {
    return {{"budget", budget_.text()},
            {"sinks", std::to_string(sinks_)},
            {"keep-layers", layers_text(exempt_)}};
  }

  std::vector<Decision> decide(const LayerView& layer) const override {
    const std::span<const int32_t> cached = layer.positions(0);
    const auto n = static_cast<int64_t>(cached.size());
    Decision decision{.cached = n, .kept = KeptSet::all(cached)};
    if (std::binary_search(exempt_.begin(), exempt_.end(), layer.point.layer)) {
      decision.reason = Reason::exempt_layer;
      return {decision};
    }
    // A window of the budget less the sinks, and of at least one: the released ReFreeKV code's
    // main.py does the same for its StreamingLLM baseline.
    const int64_t capacity = budget_.of(n);
    const int64_t window = capacity > sinks_ ? capacity - sinks_ : 1;
    const int64_t sinks = std::max<int64_t>(capacity - window, 0);
    std::vector<int32_t> candidates = candidate_positions(cached, sinks, 0);
    const auto evicted = std::max<int64_t>(static_cast<int64_t>(candidates.size()) - window, 0);
    decision.reason = evicted > 0 ? Reason::fixed_budget : Reason::too_short;
    decision.cut = evicted;
    if (evicted < static_cast<int64_t>(candidates.size())) {
      decision.halt_position = candidates[static_cast<size_t>(evicted)];
    }
    std::vector<int32_t> kept(cached.begin(), cached.begin() + sinks);
    kept.insert(kept.end(), candidates.begin() + evicted, candidates.end());
    decision.kept = KeptSet::of(std::move(kept));
    decision.ranking = std::make_shared<const std::vector<int32_t>>(std::move(candidates));
    return {decision};
  }

 private:
  Amount budget_;
  int64_t sinks_;
  std::vector<int> exempt_;
};

}  // namespace

PolicyInfo streaming_llm_policy() {
  return {.name = "streaming-llm",
          .summary = "the first positions and the newest ones, to a budget fixed beforehand",
          .options =
              "budget=50%        share of the prompt, or a count of positions (128)\n"
              "sinks=4           first positions that always stay\n"
              "keep-layers=none  layers left whole: 0-1, 0+1+31",
          .make = [](PolicyOptions& options) { return std::make_unique<StreamingLlm>(options); }};
}

}  // namespace kvreel::engine
