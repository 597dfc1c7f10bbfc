// Memory estimates from shapes, and what the machine has left.
#include "engine/model/memory_estimate.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/error.h"
#include "base/text.h"

namespace kvreel::engine {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

// The first number in a file of the control group, or no limit ("max", or no such file).
uint64_t read_limit(const char* path) {
  std::ifstream file(path);
  uint64_t bytes = 0;
  return file >> bytes ? bytes : kNoLimit;
}

uint64_t mem_available() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("MemAvailable:")) {
      uint64_t kibibytes = 0;
      std::istringstream(line.substr(13)) >> kibibytes;
      return kibibytes * 1024;
    }
  }
  return 0;
}

// What AttentionStatistics::make() makes for a prompt of n tokens.
uint64_t statistics_bytes(const ModelConfig& config, const StatisticsRequest& request, int64_t n) {
  const int64_t by_key = std::min(request.last_rows, n) + (request.column_sums ? 1 : 0) +
                         (request.column_square_sums ? 1 : 0);
  const int64_t by_query = (request.row_norms ? 1 : 0) + (request.row_entropy ? 1 : 0);
  const int64_t queries = std::min(request.last_queries, n) * config.head_dim;
  const int64_t doubles = request.query_moments ? config.head_dim * (config.head_dim + 1) : 0;
  return static_cast<uint64_t>(config.q_heads) *
         static_cast<uint64_t>(((by_key + by_query) * n + queries) * int64_t{sizeof(float)} +
                               doubles * int64_t{sizeof(double)});
}

// A ranking and its scores for every layer and KV head: the most that a policy's decisions take.
uint64_t decision_bytes(const ModelConfig& config, int64_t n) {
  return static_cast<uint64_t>(n * config.layers * config.kv_heads) *
         (sizeof(int32_t) + sizeof(float));
}

}  // namespace

MemoryEstimate estimate_memory(const ModelConfig& config, const WorkloadShape& shape) {
  const auto floats = [](int64_t count) { return static_cast<uint64_t>(count) * sizeof(float); };
  const int64_t positions = shape.longest_prompt + shape.max_new_tokens;
  const int64_t chunk = std::min(shape.longest_prompt, shape.chunk_rows);
  MemoryEstimate estimate;
  estimate.weights =
      static_cast<uint64_t>(config.parameters()) * kernels::size_of(config.stored_dtype);
  const int64_t grown = std::min(shape.fidelity_steps, shape.max_new_tokens);
  const int64_t uncut = shape.sharers > 0 ? shape.longest_prompt + grown : 0;
  estimate.cache = static_cast<uint64_t>((positions + uncut) * config.layers *
                                         config.kv_bytes_per_position(shape.cache_dtype));
  estimate.activations = floats(shape.longest_prompt * config.hidden_size + config.vocab_size +
                                chunk * (config.hidden_size + 2 * config.q_size() +
                                         2 * config.kv_size() + 3 * config.intermediate_size));
  estimate.statistics =
      statistics_bytes(config, shape.statistics, shape.longest_prompt) +
      static_cast<uint64_t>(shape.sharers) * decision_bytes(config, shape.longest_prompt);
  return estimate;
}

uint64_t available_memory() {
  uint64_t available = mem_available();
  const uint64_t limit = read_limit("/sys/fs/cgroup/memory.max");
  if (limit != kNoLimit) {
    const uint64_t used = read_limit("/sys/fs/cgroup/memory.current");
    const uint64_t left = used < limit ? limit - used : 0;
    available = available == 0 ? left : std::min(available, left);
  }
  return available;
}

void require_memory(const MemoryEstimate& estimate, uint64_t available) {
  if (available == 0 || estimate.total() <= available) return;
  fail(
      "This needs about {} of memory ({} weights, {} KV cache, {} activations, {} statistics and "
      "decisions), and {} are free. Use a smaller model, shorter prompts (--max-prompt-tokens), "
      "--kv-dtype bf16, --share-prefill none, or --ignore-memory to try all the same.",
      format_bytes(estimate.total()), format_bytes(estimate.weights), format_bytes(estimate.cache),
      format_bytes(estimate.activations), format_bytes(estimate.statistics),
      format_bytes(available));
}

}  // namespace kvreel::engine
