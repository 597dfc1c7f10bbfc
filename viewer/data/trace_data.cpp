// Looking things up in what is in memory.
#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

std::string RunInfo::parameter(const std::string& key) const {
  const auto found = parameters.find(key);
  return found == parameters.end() ? std::string() : found->second;
}

int Overview::find_run(std::string_view name) const {
  for (size_t run = 0; run < runs.size(); ++run) {
    if (runs[run].name == name) return static_cast<int>(run);
  }
  return -1;
}

int Overview::find_sample(std::string_view id) const {
  for (size_t sample = 0; sample < samples.size(); ++sample) {
    if (samples[sample].id == id) return static_cast<int>(sample);
  }
  return -1;
}

const PassInfo* Overview::pass(int32_t run, int32_t sample) const {
  if (run < 0 || sample < 0 || static_cast<size_t>(run) >= runs.size() ||
      static_cast<size_t>(sample) >= samples.size()) {
    return nullptr;
  }
  const size_t at = static_cast<size_t>(run) * samples.size() + static_cast<size_t>(sample);
  if (at >= pass_index.size() || pass_index[at] < 0) return nullptr;
  return &passes[static_cast<size_t>(pass_index[at])];
}

uint64_t PassDetail::bytes() const {
  uint64_t bytes = sizeof(PassDetail) + text.size() + steps.size() * sizeof(StepInfo) +
                   pieces.values.size() + memory.size() * sizeof(MemoryEvent) +
                   decisions.size() * sizeof(Decision);
  for (const Decision& decision : decisions) {
    bytes += decision.kept_ranges.size() * sizeof(Range);
    // Shared by several decisions: counted for each, so that the sum is never too small.
    if (decision.ranking) bytes += decision.ranking->size() * sizeof(int32_t);
    if (decision.curve) bytes += decision.curve->size() * sizeof(float);
    if (decision.curve_all) bytes += decision.curve_all->size() * sizeof(float);
  }
  return bytes;
}

}  // namespace kvreel::viewer
