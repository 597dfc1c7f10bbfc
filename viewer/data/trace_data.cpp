// Looking things up in what is in memory.
#include "viewer/data/trace_data.h"

#include <set>

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

TokenIds token_ids(const Overview& a, const Overview& b) {
  if (a.path == b.path) return TokenIds::same;
  if (!a.tokenizer.empty() && !b.tokenizer.empty()) {
    return a.tokenizer == b.tokenizer ? TokenIds::same : TokenIds::different;
  }
  const bool sizes = a.vocabulary > 0 && b.vocabulary > 0 && a.vocabulary != b.vocabulary;
  return sizes ? TokenIds::different : TokenIds::unknown;
}

uint64_t Prompt::bytes() const {
  return sizeof(Prompt) + text.size() + ids.size() * sizeof(int32_t) + pieces.values.size() +
         pieces.ends.size() * sizeof(uint64_t);
}

uint64_t PassDetail::bytes() const {
  uint64_t bytes = sizeof(PassDetail) + text.size() + steps.size() * sizeof(StepInfo) +
                   pieces.values.size() + pieces.ends.size() * sizeof(uint64_t) +
                   memory.size() * sizeof(MemoryEvent) + decisions.size() * sizeof(Decision);
  // What several decisions of the pass share counts once; what passes share counts for each of
  // them, so that a sum over passes is never too small.
  std::set<const void*> counted;
  const auto add = [&](const auto& shared) {
    if (shared && counted.insert(shared.get()).second) {
      bytes += shared->size() * sizeof((*shared)[0]);
    }
  };
  for (const Decision& decision : decisions) {
    bytes += decision.kept_ranges.size() * sizeof(Range);
    add(decision.ranking);
    add(decision.curve);
    add(decision.curve_all);
  }
  return bytes;
}

uint64_t AttentionNorms::bytes() const {
  return sizeof(AttentionNorms) + steps.size() * sizeof(int32_t) +
         5 * frobenius.size() * sizeof(float);
}

uint64_t AttentionRowSet::bytes() const {
  uint64_t bytes = sizeof(AttentionRowSet) + by_head.size() * sizeof(by_head[0]);
  for (const std::vector<float>& row : by_head) bytes += row.size() * sizeof(float);
  return bytes;
}

}  // namespace kvreel::viewer
