// Names of runs, samples and operations, and the choice of some of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exports/tables/tables.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

// Values of passes.finish, memory.cause and decisions.reason, by their number.
inline constexpr std::array<std::string_view, 4> kFinishNames = {"stop token", "max new tokens",
                                                                 "max positions", "interrupted"};
inline constexpr std::array<std::string_view, 2> kCauseNames = {"append", "keep"};
inline constexpr std::array<std::string_view, 6> kReasonNames = {
    "keeps all", "exempt layer", "too short", "threshold", "fixed budget", "attention mass"};
inline constexpr int8_t kFinishInterrupted = 3;

// The name of a number, or the number itself where a newer recorder wrote it.
template <size_t n>
std::string name_of(const std::array<std::string_view, n>& names, int value) {
  const bool known = value >= 0 && static_cast<size_t>(value) < n;
  return known ? std::string(names[static_cast<size_t>(value)]) : std::to_string(value);
}

// What rows of the trace refer to by number. Functions throw Error for a number that the trace does
// not have: it is damaged then.
class Labels {
 public:
  explicit Labels(const tracer::Trace& trace);

  const std::vector<std::string>& runs() const { return runs_; }
  const std::vector<std::string>& samples() const { return samples_; }
  const std::string& run(int32_t run) const;
  const std::string& sample(int32_t sample) const;
  const std::string& name(int32_t row) const;
  // Rows of `tokens` that a sample has.
  tracer::RowRange tokens(int32_t sample) const;

 private:
  const std::string& at(const std::vector<std::string>& names, int64_t i,
                        std::string_view table) const;

  std::string path_;
  std::vector<std::string> runs_;
  std::vector<std::string> samples_;
  std::vector<std::string> names_;
  std::vector<uint64_t> tokens_end_;
  uint64_t token_rows_ = 0;
};

// A filter with its names looked up.
class Selection {
 public:
  // Throws UsageError for a run, sample or layer that the trace does not have.
  Selection(const tracer::Trace& trace, const Labels& labels, const Filter& filter);

  bool run(int32_t run) const { return has(runs_, run); }
  bool sample(int32_t sample) const { return has(samples_, sample); }
  bool layer(int32_t layer) const { return !layer_ || *layer_ == layer; }
  bool step(int32_t step) const { return step >= first_step_ && step <= last_step_; }

 private:
  static bool has(const std::vector<bool>& chosen, int32_t i) {
    return i >= 0 && static_cast<size_t>(i) < chosen.size() && chosen[static_cast<size_t>(i)];
  }

  std::vector<bool> runs_;
  std::vector<bool> samples_;
  std::optional<int32_t> layer_;
  int32_t first_step_;
  int32_t last_step_;
};

// Number of the run or sample of a name; a sample may be given by its number, too. Throws
// UsageError with the nearest known name.
size_t find_run(const tracer::Trace& trace, const Labels& labels, const std::string& name);
size_t find_sample(const tracer::Trace& trace, const Labels& labels, const std::string& id);

}  // namespace kvreel::exports
