// The figures of time and bytes, one function each.
#pragma once

#include "exports/figures/definitions.h"

namespace kvreel::exports {

plot::Figure latency(const FigureSource& source);
plot::Figure step_latency(const FigureSource& source);
plot::Figure cache_bytes(const FigureSource& source);
plot::Figure memory_by_run(const FigureSource& source);
plot::Figure kernels(const FigureSource& source);

}  // namespace kvreel::exports
