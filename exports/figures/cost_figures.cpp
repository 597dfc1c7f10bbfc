// Figures of time and bytes.
#include "exports/figures/definitions.h"

namespace kvreel::exports {

std::vector<FigureDefinition> cost_figures() {
  return {};
}

}  // namespace kvreel::exports
