// Opening a trace for a command that reads it.
#pragma once

#include <string>

#include "tracer/read/trace.h"

namespace kvreel::cli {

// Says on standard error what of it is left out because it is damaged. Throws Error.
tracer::Trace open_trace(const std::string& path);

}  // namespace kvreel::cli
