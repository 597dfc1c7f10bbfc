// Finds how far a recording came before it was interrupted or killed.
#pragma once

#include "tracer/format/kept_trace.h"
#include "tracer/read/trace.h"

namespace kvreel::tracer {

// Reads `trace` only. Passes that were interrupted do not stay, nor does what follows the first of
// them (kvreel writes none after it), nor rows that belong to no finished pass. Throws Error where
// the trace is being recorded, has an older or newer minor version than this kvreel writes, or is
// damaged.
KeptTrace find_kept(const Trace& trace);

}  // namespace kvreel::tracer
