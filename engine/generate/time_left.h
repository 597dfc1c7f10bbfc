// How long an experiment will go on, judged by what its runs have taken so far.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace kvreel::engine {

// Runs differ in cost (the first of a sweep prefills for all), prompts do too: each run's passes
// left are taken to cost what its passes have cost on average.
class TimeLeft {
 public:
  // passes_left: [runs].
  explicit TimeLeft(std::vector<int64_t> passes_left);

  void finished(size_t run, double seconds);
  // None until every run that has passes left has finished one here.
  std::optional<double> seconds() const;

 private:
  struct OfRun {
    int64_t left = 0;
    int64_t finished = 0;
    double seconds = 0;  // of the finished ones
  };
  std::vector<OfRun> runs_;
};

}  // namespace kvreel::engine
