// PyramidKV (Cai et al. 2024, arXiv 2406.02069): SnapKV's scores with capacities that fall from the
// first layer to the last.
//
// The capacities are those of the code that was released with PyramidKV and is used in the released
// ReFreeKV code, integer divisions and all: see pyramid_capacity() for what that means.
#include "base/error.h"
#include "engine/policy/fixed_budget.h"
#include "engine/policy/observation_window.h"
#include "engine/policy/policies.h"

namespace kvreel::engine {
namespace {

// Positions that stay in a layer, window included, out of n. `capacity` is what a layer would have
// if all had the same, and `window` the newest that stay.
//
// With R = capacity - window, the last layer is meant to have R / beta and the first 2 R less that,
// in equal steps between. A first layer that would have more than the prompt has it whole, and the
// last one the rest. Where 2 R exceeds the prompt there is no pyramid at all. Because divisions are
// of integers, the layers' sum is not exactly `layers` times the capacity.
int64_t pyramid_capacity(int64_t capacity, int64_t window, int64_t n, int layer, int layers,
                         int64_t beta) {
  if (n < capacity) return n;
  const int64_t rest = capacity - window;
  if (n < 2 * rest) return capacity;
  int64_t least = rest / beta;
  int64_t most = 2 * rest - least;
  if (most >= n - window) {
    most = n - window;
    least = 2 * rest - most;
  }
  return most - layer * ((most - least) / layers) + window;
}

class PyramidKv final : public FixedBudgetPolicy {
 public:
  explicit PyramidKv(PolicyOptions& options)
      : FixedBudgetPolicy(
            FixedBudget::take("pyramidkv", options, FixedBudget::Decoding::not_offered)),
        beta_(options.take_count("beta", 20)),
        window_(ObservationWindow::take("pyramidkv", options)) {
    if (beta_ == 0) {
      fail_usage("Policy 'pyramidkv': beta=0 gives the last layer no size; write beta=20.");
    }
  }

  StatisticsRequest needs(const DecisionPoint&) const override { return window_.needs(); }

 private:
  std::vector<std::pair<std::string, std::string>> own_parameters() const override {
    auto parameters = window_.parameters();
    parameters.emplace_back("beta", std::to_string(beta_));
    return parameters;
  }

  std::vector<Decision> cut(const LayerView& layer, int64_t capacity) const override {
    const DecisionPoint& point = layer.point;
    const auto n = static_cast<int64_t>(layer.positions(0).size());
    const int64_t rows = window_.rows(capacity);
    // A layer that was given a budget of its own has that.
    if (!budget().is_own(point.layer)) {
      capacity = pyramid_capacity(capacity, rows, n, point.layer, point.layers, beta_);
    }
    return cut_heads(layer, window_.scores(layer, rows), capacity, {.recent = rows});
  }

  int64_t beta_;
  ObservationWindow window_;
};

}  // namespace

PolicyInfo pyramidkv_policy() {
  return {.name = "pyramidkv",
          .summary = "snapkv with budgets that fall from the first layer to the last",
          .options = std::string(kPrefillBudgetOptions) +
                     "\nwindow, pool, kernel, reduce                        as snapkv has them"
                     "\nbeta=20             the last layer's share: the mean budget / beta",
          .make = [](PolicyOptions& options) { return std::make_unique<PyramidKv>(options); }};
}

}  // namespace kvreel::engine
