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

// A count of elements or bytes that stays at its most where it would wrap: what a file asks for may
// be any product of any sizes, and a wrapped one would look small.
class Count {
 public:
  Count(int64_t value) : value_(static_cast<uint64_t>(std::max<int64_t>(value, 0))) {}
  friend Count operator+(Count a, Count b) {
    Count sum = 0;
    if (__builtin_add_overflow(a.value_, b.value_, &sum.value_)) sum.value_ = kNoLimit;
    return sum;
  }
  friend Count operator*(Count a, Count b) {
    Count product = 0;
    if (__builtin_mul_overflow(a.value_, b.value_, &product.value_)) product.value_ = kNoLimit;
    return product;
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_;
};

constexpr int64_t kFloatBytes = sizeof(float);

// What AttentionStatistics::make() makes for a prompt of n tokens.
Count statistics_bytes(const ModelConfig& config, const StatisticsRequest& request, int64_t n) {
  const int64_t by_key = std::min(request.last_rows, n) + (request.column_sums ? 1 : 0) +
                         (request.column_square_sums ? 1 : 0);
  const int64_t by_query = (request.row_norms ? 1 : 0) + (request.row_entropy ? 1 : 0);
  const Count queries = Count(std::min(request.last_queries, n)) * config.head_dim;
  const Count doubles =
      request.query_moments ? Count(config.head_dim) * (config.head_dim + 1) : Count(0);
  return Count(config.q_heads) * ((Count(by_key + by_query) * n + queries) * kFloatBytes +
                                  doubles * int64_t{sizeof(double)});
}

// A ranking and its scores for every layer and KV head: the most that a policy's decisions take.
Count decision_bytes(const ModelConfig& config, int64_t n) {
  return Count(n) * config.layers * config.kv_heads * int64_t{sizeof(int32_t) + sizeof(float)};
}

}  // namespace

uint64_t MemoryEstimate::total() const {
  uint64_t sum = 0;
  for (const uint64_t part : {weights, cache, activations, statistics}) {
    if (__builtin_add_overflow(sum, part, &sum)) return kNoLimit;
  }
  return sum;
}

MemoryEstimate estimate_memory(const ModelConfig& config, const WorkloadShape& shape) {
  const int64_t chunk = std::min(shape.longest_prompt, shape.chunk_rows);
  const int64_t grown = std::min(shape.fidelity_steps, shape.max_new_tokens);
  const Count uncut = shape.sharers > 0 ? Count(shape.longest_prompt) + grown : Count(0);
  const Count positions = Count(shape.longest_prompt) + shape.max_new_tokens + uncut;
  const Count hidden = Count(shape.longest_prompt) * config.hidden_size;
  const Count workspace = Count(chunk) * (config.hidden_size + 2 * config.q_size() +
                                          2 * config.kv_size() + 3 * config.intermediate_size);
  MemoryEstimate estimate;
  estimate.weights =
      (Count(config.parameters()) * static_cast<int64_t>(kernels::size_of(config.stored_dtype)))
          .value();
  estimate.cache =
      (positions * config.layers * config.kv_bytes_per_position(shape.cache_dtype)).value();
  estimate.activations = ((hidden + config.vocab_size + workspace) * kFloatBytes).value();
  estimate.statistics = (statistics_bytes(config, shape.statistics, shape.longest_prompt) +
                         Count(shape.sharers) * decision_bytes(config, shape.longest_prompt))
                            .value();
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
