// Opening a trace for a command that reads it.
#include "cli/open_trace.h"

#include "cli/output.h"

namespace kvreel::cli {

tracer::Trace open_trace(const std::string& path) {
  tracer::Trace trace = tracer::Trace::open(path);
  if (!trace.warning().empty()) print_message(trace.warning() + ".");
  return trace;
}

}  // namespace kvreel::cli
