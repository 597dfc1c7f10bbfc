// Groups of samples by a field of their metadata.
#pragma once

#include <string>
#include <vector>

#include "tracer/read/trace.h"

namespace kvreel::exports {

// Every sample's value of a field of its metadata, by row of `samples`: texts as they are, other
// values as JSON, "(none)" where the sample lacks the field. Throws UsageError with the nearest
// field where no sample has it.
std::vector<std::string> sample_groups(const tracer::Trace& trace, const std::string& field);

}  // namespace kvreel::exports
