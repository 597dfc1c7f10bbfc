// Figures of what was evicted, where, and why.
#include "exports/figures/decision_figures.h"

namespace kvreel::exports {

std::vector<FigureDefinition> decision_figures() {
  return {{{"eviction-map", "Which positions every layer kept and evicted, in one sample",
            "a policy that evicts", FigureScope::sample},
           eviction_map},
          {{"norm-curves", "Drop of the norm against candidates evicted, by layer, in one sample",
            "a policy that measures the norm, such as --policy refreekv", FigureScope::pass},
           norm_curves},
          {{"decision", "One layer's decision: attention, drop of the norm, what was kept",
            "a policy that evicts; --attention-rows for the attention", FigureScope::decision},
           decision_workflow}};
}

}  // namespace kvreel::exports
