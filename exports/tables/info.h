// What a trace is: how it was made, what is in it, what recording it cost.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tracer/read/trace.h"

namespace kvreel::exports {

// Facts in groups: trace, kvreel, machine, engine, model, prompts, runs, tables, recording. What
// the trace does not say is null or left out.
nlohmann::ordered_json info_json(const tracer::Trace& trace);

// The same for people, lines of about `width` columns. Ends in a newline.
std::string render_info_text(const tracer::Trace& trace, size_t width = 100);

}  // namespace kvreel::exports
