// Figures of what was evicted, where, and why.
#include "exports/figures/definitions.h"

namespace kvreel::exports {

std::vector<FigureDefinition> decision_figures() {
  return {};
}

}  // namespace kvreel::exports
