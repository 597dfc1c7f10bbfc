// A model's config.json and generation_config.json: what is taken can be computed with.
#include "engine/model/config.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "engine/model/memory_estimate.h"
#include "engine/model/rope.h"
#include "engine/model/weights.h"
#include "fuzz/check_error.h"
#include "fuzz/json_mutator.h"
#include "fuzz/parts.h"
#include "fuzz/scratch_directory.h"

namespace {

using kvreel::fuzz::require;
namespace engine = kvreel::engine;

void check_ids(const std::vector<int32_t>& ids, const engine::ModelConfig& config) {
  for (const int32_t id : ids) {
    require(id >= 0 && id < config.vocab_size, "a token id lies outside of the vocabulary");
  }
}

void check_rope(const engine::ModelConfig& config) {
  const auto frequencies = engine::rope_inverse_frequencies(config.rope, config.head_dim);
  require(frequencies.size() * 2 == static_cast<size_t>(config.head_dim),
          "frequencies are missing");
  for (const double frequency : frequencies) {
    require(std::isfinite(frequency) && frequency >= 0, "a frequency is no number");
  }
  const engine::RopeTable table = engine::make_rope_table(config.rope, config.head_dim, 2);
  for (const float value : table.cos) require(std::isfinite(value), "a cosine is no number");
}

void check(const engine::ModelConfig& config) {
  require(config.vocab_size > 0 && config.hidden_size > 0 && config.intermediate_size > 0 &&
              config.layers > 0 && config.max_positions > 0,
          "a size is not positive");
  require(config.kv_heads > 0 && config.q_heads % config.kv_heads == 0, "heads do not divide");
  require(config.head_dim > 0 && config.head_dim % 2 == 0, "heads have an odd size");
  require(config.windows.size() == static_cast<size_t>(config.layers), "windows are missing");
  for (const int64_t window : config.windows) require(window >= 0, "a window is negative");
  require(config.rms_norm_eps > 0 && std::isfinite(config.rms_norm_eps), "the epsilon is unusable");
  check_ids(config.bos_ids, config);
  check_ids(config.eos_ids, config);
  check_rope(config);
  require(config.parameters() > 0, "there are no parameters");
  const engine::MemoryEstimate estimate =
      engine::estimate_memory(config, {.longest_prompt = 1024, .max_new_tokens = 64});
  require(estimate.total() > estimate.weights, "the estimate is too small");
  // One list has every tensor: for many layers it is long, and says the same.
  constexpr int kFewLayers = 8;
  if (config.layers > kFewLayers) return;
  engine::Weights weights;
  std::set<std::string> names;
  for (const engine::TensorSlot& slot : engine::tensor_slots(config, weights)) {
    require(names.insert(slot.name).second, "two tensors have one name", slot.name);
    require(slot.elements() > 0, "a tensor is empty", slot.name);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const kvreel::fuzz::ScratchDirectory scratch;
  const auto [config, generation] = kvreel::fuzz::parts_of<2>(kvreel::fuzz::as_text(data, size));
  scratch.write("config.json", config);
  if (generation.empty()) {
    scratch.remove("generation_config.json");
  } else {
    scratch.write("generation_config.json", generation);
  }
  kvreel::fuzz::accepts([] { check(engine::read_model_config(scratch.path())); });
  return 0;
}

#ifdef KVREEL_FUZZ
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  kvreel::fuzz::JsonMutator mutator(seed);
  if (mutator.below(2) == 0) return LLVMFuzzerMutate(data, size, most);
  auto [config, generation] = kvreel::fuzz::parts_of<2>(kvreel::fuzz::as_text(data, size));
  const bool first = generation.empty() || mutator.below(4) != 0;
  std::string text = first ? mutator.mutate(config) : std::string(config);
  if (!generation.empty()) {
    text += kvreel::fuzz::kBetweenParts;
    text += first ? std::string(generation) : mutator.mutate(generation);
  }
  return kvreel::fuzz::put_back(text, data, size, most);
}
#endif
