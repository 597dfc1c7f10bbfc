// What a trace recorded of a pass: its layers' attention rows, and what was decided from them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "exports/reference/released_code.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

// A decision about one layer at the end of prefill.
struct RecordedDecision {
  int64_t cached = 0;
  int64_t cut = 0;
  double threshold = 0;  // NaN where the policy had none to apply
  // KV head (-1: all) and the positions that it keeps, ascending.
  std::vector<std::pair<int32_t, std::vector<int32_t>>> kept;
};

// By layer. Throws Error where the KV heads of a layer were cut differently, which no rule here
// does.
std::map<int32_t, RecordedDecision> read_prefill_decisions(const tracer::Trace& trace,
                                                           const tracer::PassRows& pass);

// By layer, of the pass whose prefill it was. Empty where none were recorded. Throws Error where
// rows of a layer are missing or do not match each other.
std::map<int32_t, LayerRows> read_prefill_rows(const tracer::Trace& trace,
                                               const tracer::PassRows& pass);

}  // namespace kvreel::exports
