// What a run whose recording ended early prints instead of a trace.
#pragma once

#include <span>
#include <string>

#include "engine/generate/experiment.h"
#include "tracer/record/recording_guard.h"

namespace kvreel::cli {

// A line per run: finished passes, mean budget, and the mean of every score.
std::string tally_text(std::span<const engine::Run> runs, std::span<const tracer::RunTally> tally);

// What the trace at `path`, which nobody records into any more, holds: one sentence.
std::string rest_of_trace(const std::string& path);

}  // namespace kvreel::cli
