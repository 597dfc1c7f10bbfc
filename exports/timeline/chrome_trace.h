// Traces as a timeline in the Trace Event Format, which Perfetto (ui.perfetto.dev) and
// chrome://tracing open.
//
// Specification: N. Duca and D. Sinclair, "Trace Event Format" (2016).
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "exports/tables/tables.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

struct TimelineOptions {
  Filter filter;
  std::string command;  // into the metadata
  std::string version;  // of the program that writes, likewise
};

// Writes event by event, in memory that does not grow with the trace. The clock is the trace's; of
// several traces the clocks' origins coincide. Times are microseconds with three decimals: exact.
//
//   a process per run, with these tracks:
//     host       complete events: passes (named by their sample), in them steps (prefill, decode),
//     in
//                them spans (named by their operation)
//     decisions  instants, with what was decided in their arguments
//     stream N   complete events: kernels and copies
//     KV cache   counter of bytes, asked and held; 0 from the pass's end
//   otherData    the metadata that tables have
//
// Slices of a track nest, as Perfetto requires: one that overlaps another in part goes to a further
// track ("host (2)"). An event per row of passes, steps, spans, kernels, memory and decisions, where
// the filter wants it, and one more per pass whose memory is shown, for the counter's return to 0.
// Rows of the unfinished pass are there, too. Throws as export_table() does.
void write_chrome_trace(std::ostream& out, const std::vector<const tracer::Trace*>& traces,
                        const TimelineOptions& options);

}  // namespace kvreel::exports
