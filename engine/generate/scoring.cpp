// Hands texts and answers to the room of scores.
#include "engine/generate/scoring.h"

#include "scores/metrics.h"
#include "scores/text.h"

namespace kvreel::engine {

std::vector<Score> score_text(std::string_view text, const Sample& sample) {
  std::vector<Score> scores;
  if (sample.answers.empty()) return scores;
  const std::string_view part = sample.score_first_line ? scores::first_line(text) : text;
  for (const std::string& metric : sample.metrics) {
    scores.push_back({metric, scores::score(metric, part, sample.answers, sample.all_classes)});
  }
  return scores;
}

}  // namespace kvreel::engine
