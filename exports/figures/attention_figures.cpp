// Figures of attention norms by layer and head.
#include "exports/figures/definitions.h"

namespace kvreel::exports {

std::vector<FigureDefinition> attention_figures() {
  return {};
}

}  // namespace kvreel::exports
