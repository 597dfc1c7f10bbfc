// Mean cost by run, times what is left.
#include "engine/generate/time_left.h"

namespace kvreel::engine {

TimeLeft::TimeLeft(std::vector<int64_t> passes_left) {
  for (const int64_t left : passes_left) runs_.push_back({.left = left});
}

void TimeLeft::finished(size_t run, double seconds) {
  OfRun& of_run = runs_[run];
  --of_run.left;
  ++of_run.finished;
  of_run.seconds += seconds;
}

std::optional<double> TimeLeft::seconds() const {
  double total = 0;
  for (const OfRun& run : runs_) {
    if (run.left <= 0) continue;
    if (run.finished == 0) return std::nullopt;
    total += run.seconds / static_cast<double>(run.finished) * static_cast<double>(run.left);
  }
  return total;
}

}  // namespace kvreel::engine
