// The narrow interface between the one model function and a machine: fused operations of a
// transformer layer.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/cache/kv_cache.h"
#include "engine/statistics.h"

namespace kvreel::engine {

// A part of a step's query rows: [begin, end).
struct Rows {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t count() const { return end - begin; }
};

// Holds one model's weights and the hidden state [rows, hidden] of the step in progress. A step is
// begin(); for each layer, for each chunk of rows in order: qkv, attend, attn_out, ffn; then
// logits(). keep() may follow a layer's last attend.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string name() const = 0;         // "cpu"
  virtual std::string description() const = 0;  // "AVX-512, 2 threads"
  virtual KvMemory& kv_memory() = 0;
  // Most rows of one chunk; what the workspace is sized for.
  virtual int64_t chunk_rows() const = 0;

  // Embeds `tokens`, whose positions are first_position, first_position + 1, ...
  virtual void begin(std::span<const int32_t> tokens, int64_t first_position) = 0;
  // Norm, projection, bias, rotary embedding; appends the rows' keys and values to the layer's
  // cache. Fills the query vectors and moments that `statistics` has room for.
  virtual void qkv(int layer, Rows rows, KvCache& cache, AttentionStatistics& statistics) = 0;
  // Attention over the layer's cache. Fills what `statistics` has room for: rows by their number in
  // the step, columns by cached row. statistics.keys is the layer's length once all of the step's
  // rows are appended.
  virtual void attend(int layer, Rows rows, const KvCache& cache,
                      AttentionStatistics& statistics) = 0;
  // Output projection; adds to the hidden state.
  virtual void attn_out(int layer, Rows rows) = 0;
  // Norm, gate and up projections, SiLU, product, down projection; adds to the hidden state.
  virtual void ffn(int layer, Rows rows) = 0;
  // Final norm and output head of the step's last row: [vocab], in host memory, valid until the
  // next call.
  virtual std::span<const float> logits() = 0;
};

}  // namespace kvreel::engine
