// What one pass recorded, out of a trace.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "viewer/data/threshold_steps.h"
#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

// Rankings and curves by their row in the trace. Decisions share rows, also across passes: what
// anybody still holds is not read again.
class SharedRows {
 public:
  struct Ranking {
    std::vector<int32_t> positions;
    int32_t least = 0;  // of the positions; 0, -1 for none
    int32_t most = -1;
  };
  struct Curve {
    std::vector<float> distance;
    std::vector<float> distance_all;
  };

  // The rows, each once and ascending, in few reads. Throws Error.
  std::map<int64_t, std::shared_ptr<const Ranking>> rankings(const tracer::Trace& trace,
                                                             const std::vector<int64_t>& rows);
  std::map<int64_t, std::shared_ptr<const Curve>> curves(const tracer::Trace& trace,
                                                         const std::vector<int64_t>& rows);

  uint64_t rows_read() const { return rows_read_; }  // so far, of both tables

 private:
  std::map<int64_t, std::weak_ptr<const Ranking>> rankings_;
  std::map<int64_t, std::weak_ptr<const Curve>> curves_;
  uint64_t rows_read_ = 0;
};

// Tokens [rows.begin, rows.end) of the table of tokens, and the text of a row of the table of
// samples. Throws Error where the tokens cannot be read.
std::shared_ptr<const Prompt> read_prompt(const tracer::Trace& trace, int32_t sample,
                                          tracer::RowRange rows);

// A part that is damaged is left out, and `warnings` of the detail says so. Every position, layer
// and cut in it lies within what it refers to.
std::shared_ptr<const PassDetail> read_pass(const tracer::Trace& trace, const Overview& overview,
                                            const PassInfo& pass, SharedRows& shared);

// Of the decisions that read_pass() gives, under the curves that the run is cut by. Throws Error.
std::shared_ptr<const ThresholdSteps> read_threshold_steps(const tracer::Trace& trace,
                                                           const Overview& overview,
                                                           const PassInfo& pass,
                                                           SharedRows& shared);

// Throws Error.
std::shared_ptr<const AttentionNorms> read_attention(const tracer::Trace& trace,
                                                     const Overview& overview,
                                                     const PassInfo& pass);
std::shared_ptr<const AttentionRowSet> read_attention_rows(const tracer::Trace& trace,
                                                           const Overview& overview,
                                                           const PassInfo& pass, int32_t step,
                                                           int32_t layer);

}  // namespace kvreel::viewer
