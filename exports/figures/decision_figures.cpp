// Figures of what was evicted, where, and why.
#include "exports/figures/decision_figures.h"

namespace kvreel::exports {

std::vector<FigureDefinition> decision_figures() {
  return {{{"eviction-map", "Which positions every layer kept and evicted, in one sample",
            "runs that evict"},
           eviction_map},
          {{"norm-curves", "Drop of the norm against candidates evicted, by layer, in one sample",
            "a run with norm curves: --policy refreekv"},
           norm_curves},
          {{"decision", "One layer's decision: attention, drop of the norm, what was kept",
            "a run that evicts; --attention-rows for the attention"},
           decision_workflow}};
}

}  // namespace kvreel::exports
