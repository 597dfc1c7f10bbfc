// What every pass of a trace generated and how long its steps took: two columns for the whole
// trace, so that outputs can be compared without loading any pass.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

// Rows of the table of steps; PassInfo::rows.steps says which are a pass's, step 0 (prefill) first.
struct Outputs {
  std::vector<int32_t> tokens;       // generated
  std::vector<int64_t> duration_ns;  // to the sampled token

  // Nothing where the pass is newer than what was read.
  std::optional<std::span<const int32_t>> tokens_of(const PassInfo& pass) const;
  std::optional<std::span<const int64_t>> durations_of(const PassInfo& pass) const;
  uint64_t bytes() const;  // of memory that this takes
};

// Throws Error where the columns are damaged.
Outputs read_outputs(const tracer::Trace& trace);

}  // namespace kvreel::viewer
