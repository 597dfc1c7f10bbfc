// Reading the columns of steps, and finding a pass's part of them.
#include "viewer/data/outputs.h"

namespace kvreel::viewer {
namespace {

template <typename T>
std::optional<std::span<const T>> part(const std::vector<T>& column, tracer::RowRange rows) {
  if (rows.begin > rows.end || rows.end > column.size()) return std::nullopt;
  return std::span<const T>(column).subspan(rows.begin, rows.count());
}

}  // namespace

std::optional<std::span<const int32_t>> Outputs::tokens_of(const PassInfo& pass) const {
  return part(tokens, pass.rows.steps);
}

std::optional<std::span<const int64_t>> Outputs::durations_of(const PassInfo& pass) const {
  return part(duration_ns, pass.rows.steps);
}

uint64_t Outputs::bytes() const {
  return sizeof(Outputs) + tokens.size() * sizeof(int32_t) + duration_ns.size() * sizeof(int64_t);
}

Outputs read_outputs(const tracer::Trace& trace) {
  const uint64_t rows = trace.rows<tracer::Steps>();
  Outputs outputs;
  outputs.tokens = trace.read_column(&tracer::Steps::token, 0, rows);
  outputs.duration_ns = trace.read_column(&tracer::Steps::duration_ns, 0, rows);
  return outputs;
}

}  // namespace kvreel::viewer
