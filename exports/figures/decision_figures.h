// The figures of decisions, one function each.
#pragma once

#include "exports/figures/definitions.h"

namespace kvreel::exports {

plot::Figure eviction_map(const FigureSource& source);
plot::Figure norm_curves(const FigureSource& source);
plot::Figure decision_workflow(const FigureSource& source);

}  // namespace kvreel::exports
