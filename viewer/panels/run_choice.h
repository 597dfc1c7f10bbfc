// What choosing a run or a sample does, whatever page it is done on, and the colours of runs.
#pragma once

#include <string>

#include "viewer/panels/ui.h"

namespace kvreel::viewer {

// The colour of a run on every page: the reference is neutral, compared runs have one each.
ImU32 run_color(const Frame& frame, RunRef run);
// Goes to a run, or to a sample, and says so in the log.
void choose_run(Frame& frame, RunRef run);
void choose_sample(Frame& frame, const std::string& sample);
// Makes a run the reference; the old one is compared instead.
void choose_reference(Frame& frame, RunRef run);
// Of the reference nothing; the last compared run stays.
void toggle_compared(Frame& frame, RunRef run);
bool is_compared(const View& view, RunRef run);

}  // namespace kvreel::viewer
