// StreamingLLM (Xiao et al., 2023, arXiv 2309.17453) as a fixed budget: the first positions and the
// newest ones stay. While decoding the window of the newest rolls on.
//
// Rows keep the rotary phase of their original position; the paper's own re-indexing of positions
// within the cache is not done.
#include <algorithm>
#include <numeric>

#include "engine/policy/fixed_budget.h"
#include "engine/policy/policies.h"

namespace kvreel::engine {
namespace {

class StreamingLlm final : public FixedBudgetPolicy {
 public:
  explicit StreamingLlm(PolicyOptions& options)
      : FixedBudgetPolicy(
            FixedBudget::take("streaming-llm", options, FixedBudget::Decoding::offered)),
        sinks_(options.take_count("sinks", 4)) {}

 private:
  std::vector<std::pair<std::string, std::string>> own_parameters() const override {
    return {{"sinks", std::to_string(sinks_)}};
  }

  std::vector<Decision> cut(const LayerView& layer, int64_t capacity) const override {
    // A window of the budget less the sinks, and of at least one: the released ReFreeKV code's
    // main.py does the same for its StreamingLLM baseline.
    const int64_t window = capacity > sinks_ ? capacity - sinks_ : 1;
    std::vector<double> age(layer.positions(0).size());
    std::iota(age.begin(), age.end(), 0.0);
    std::vector<Decision> decisions =
        cut_layer(layer, age, capacity, {.sinks = std::max<int64_t>(capacity - window, 0)});
    for (Decision& decision : decisions) decision.scores = nullptr;  // position alone ranks
    return decisions;
  }

  int64_t sinks_;
};

}  // namespace

PolicyInfo streaming_llm_policy() {
  return {.name = "streaming-llm",
          .summary = "the first positions and the newest ones",
          .options = std::string(kBudgetOptions) +
                     "\nsinks=4             first positions that always stay",
          .make = [](PolicyOptions& options) { return std::make_unique<StreamingLlm>(options); }};
}

}  // namespace kvreel::engine
