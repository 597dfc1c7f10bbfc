// An Overview out of a trace, reading no table with many rows.
#pragma once

#include <memory>

#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

// Without the comparison. Damaged parts are left out, and a sentence about each is among the
// warnings. Throws Error only where nothing could be shown.
std::shared_ptr<Overview> read_overview(const tracer::Trace& trace);

// Computes the comparison, or adds a warning where that fails. Null stays null where no pass has
// finished.
void add_comparison(const tracer::Trace& trace, Overview& overview);

// The message of whatever is being handled: call it in a catch block. `doing` begins the sentence
// where the exception is not one of ours: "reading trace.h5".
std::string sentence_of_exception(const std::string& doing);

}  // namespace kvreel::viewer
