// What the output of a pass is worth, in words: its scores, and how far it is from the full cache.
#pragma once

#include <string>

#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

// Lines that begin with '\n': a score for each metric but exact match, the divergence and the
// attention lost where they were recorded. "" where there is nothing to say.
std::string quality_lines(const Overview& overview, const PassInfo& pass);
// The same in brief, behind other words on their line: " · token-f1 0.5 · KL 0.2", of the first
// metric alone.
std::string quality_brief(const Overview& overview, const PassInfo& pass);

}  // namespace kvreel::viewer
