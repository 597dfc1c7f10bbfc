// The full cache: nothing is ever evicted. What every other policy is compared with.
#include "engine/policy/policies.h"

namespace kvreel::engine {
namespace {

class Full final : public Policy {
 public:
  std::vector<std::pair<std::string, std::string>> parameters() const override { return {}; }

  std::vector<Decision> decide(const LayerView& layer) const override {
    const std::span<const int32_t> positions = layer.positions(0);
    return {{.reason = Reason::keeps_all,
             .cached = static_cast<int64_t>(positions.size()),
             .kept = KeptSet::all(positions)}};
  }
};

}  // namespace

PolicyInfo full_policy() {
  return {.name = "full",
          .summary = "keep everything: the reference for every comparison",
          .options = "",
          .make = [](PolicyOptions&) { return std::make_unique<Full>(); }};
}

}  // namespace kvreel::engine
