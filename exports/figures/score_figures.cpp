// Figures of score against budget and bytes.
#include "exports/figures/definitions.h"

namespace kvreel::exports {

std::vector<FigureDefinition> score_figures() {
  return {};
}

}  // namespace kvreel::exports
