// The mean over all samples of a run at any threshold: exact, from the recorded curves of each.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "viewer/model/session.h"

namespace kvreel::viewer {

struct MeanBudget {
  size_t samples = 0;
  double budget = 1;            // mean of the samples' budgets
  std::optional<double> asked;  // mean bytes after prefill; none: the trace does not say enough
};

class ThresholdMeans {
 public:
  // Curves of 67 million candidates and layers; what is beyond is left out of the mean, and said.
  static constexpr uint64_t kMostBytes = 256u << 20;

  explicit ThresholdMeans(uint64_t most_bytes = kMostBytes) : most_bytes_(most_bytes) {}

  // Once a frame while a mean at a moved threshold is shown: asks for some of what is missing.
  // `load` false only follows the run, for recorded().
  void update(Session& session, RunRef run, bool load);

  // Finished passes of the run that were not interrupted, and how far they are loaded.
  size_t samples() const { return entries_.size(); }
  size_t loaded() const { return next_; }
  bool loading() const { return next_ < entries_.size() && !full_; }
  // Of all of them, as recorded.
  MeanBudget recorded() const;
  // Of those that at() is about, as recorded.
  MeanBudget recorded_of_known() const;
  // Of those that are loaded and whose trace says what another threshold evicts.
  MeanBudget at(double threshold);
  // Why at() is not about every sample, a sentence; "" where it is, or will be.
  std::string left_out() const;

 private:
  struct Entry {
    const PassInfo* pass = nullptr;               // of overview_
    std::shared_ptr<const ThresholdSteps> known;  // null: not loaded, or left out
    bool failed = false;
  };

  void follow(std::shared_ptr<const Overview> overview, RunRef run);
  MeanBudget recorded(bool known_alone) const;

  uint64_t most_bytes_;
  RunRef run_;
  std::shared_ptr<const Overview> overview_;
  std::vector<Entry> entries_;
  size_t next_ = 0;  // those before are loaded or left out
  uint64_t bytes_ = 0;
  bool full_ = false;
  double row_bytes_ = 0;  // of a key and a value of one KV head; 0: not known
  // What at() last said, and of what.
  std::optional<double> last_at_;
  size_t last_of_ = 0;
  MeanBudget last_;
};

}  // namespace kvreel::viewer
