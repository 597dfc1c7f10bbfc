// Which positions a head's cached keys have when a step attends to them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exports/tables/rows.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

// What the last eviction before the step left, and what has been appended since: the order of the
// values of a row of attention_rows. Cheap where questions about one pass come together.
class CachedPositions {
 public:
  explicit CachedPositions(const Source& source);

  // Ascending, of a query head of a layer, before that step's own eviction; empty where the trace
  // does not say which the `keys` cached ones are. Valid until the next call.
  const std::vector<int32_t>& at(int32_t run, int32_t sample, int32_t step, int16_t layer,
                                 int16_t head, uint64_t keys);

 private:
  void load(int32_t run, int32_t sample);
  void collect(std::optional<size_t> decision, int32_t step, uint64_t keys);

  const Source& source_;
  int32_t heads_per_kv_head_ = 1;
  int32_t run_ = -1;
  int32_t sample_ = -1;
  int32_t prompt_tokens_ = 0;
  tracer::Decisions decisions_;  // of the pass: where they are, and what they kept
  // What `positions_` is about.
  std::optional<size_t> decision_;
  int32_t step_ = -1;
  uint64_t keys_ = 0;
  std::vector<int32_t> positions_;
};

}  // namespace kvreel::exports
