// Whether the file that a recording is to go into is the beginning of that very recording.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "engine/generate/experiment.h"
#include "tracer/format/kept_trace.h"

namespace kvreel::cli {

struct Resumption {
  tracer::KeptTrace kept;
  uint64_t passes = 0;    // that the whole recording has
  bool complete = false;  // all of them are there, and the trace is finished and closed

  bool is_done(int32_t run, int32_t sample) const { return kept.passes.contains({run, sample}); }
};

// Throws Error with the remedy where `path`, which exists, is no trace that can be resumed,
// whatever is to be recorded.
void require_resumable(const std::string& path);

// Reads the trace at `path` only. Throws Error with the first difference and the remedy where it is
// not the beginning of a recording of these samples and runs: others, in another order, or more of
// them than here.
Resumption find_resumption(const std::string& path, std::span<const engine::Sample> samples,
                           std::span<const engine::Run> runs);

// Throws Error likewise where the trace was recorded with another model or other settings.
// `settings` is what the recording's provenance would say under "model", "engine", "prompts" and
// "recording"; where files lie, and how fast the machine is, makes no difference.
void require_same_settings(const Resumption& resumption, const nlohmann::json& settings);

// A policy's parameters as a trace has them.
nlohmann::json parameters_of(const engine::Policy& policy);

}  // namespace kvreel::cli
