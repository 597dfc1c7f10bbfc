// Scores of a generated text by its sample's metrics.
#pragma once

#include <string_view>
#include <vector>

#include "engine/generate/generate.h"
#include "engine/observer.h"

namespace kvreel::engine {

// One score for each of sample.metrics, of the part of the text that counts (its first line where
// the sample says so). Empty without metrics or without reference answers.
std::vector<Score> score_text(std::string_view text, const Sample& sample);

}  // namespace kvreel::engine
