// A figure made from open traces, on the thread that owns HDF5.
#pragma once

#include <vector>

#include "viewer/data/question.h"
#include "viewer/data/source.h"

namespace kvreel::viewer {

// A plot::Figure, or the sentence why the traces cannot be drawn as it. `traces` are the request's.
Answer figure_answer(const FigureRequest& request, const std::vector<Source*>& traces);

}  // namespace kvreel::viewer
