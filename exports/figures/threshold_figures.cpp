// Figures of what a threshold does to budget and score.
#include "exports/figures/definitions.h"

namespace kvreel::exports {

std::vector<FigureDefinition> threshold_figures() {
  return {};
}

}  // namespace kvreel::exports
