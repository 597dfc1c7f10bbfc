// What a model directory's config.json says about the maths, and nothing else.
#include "engine/model/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "engine/model/json_file.h"
#include "engine/model/rope_config.h"
#include "engine/model/unsupported_keys.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;

// Bounds far above any published model, so that no product of sizes (elements, bytes) can leave
// int64: 2 * 2^44 + 2^12 * (4 * 2^40 + 3 * 2^42) elements of 4 bytes are below 2^60.
constexpr int64_t kMaxVocab = 1 << 24;
constexpr int64_t kMaxWidth = 1 << 20;  // hidden size; heads * head_dim
constexpr int64_t kMaxIntermediate = 1 << 22;
constexpr int64_t kMaxLayers = 1 << 12;
constexpr int64_t kMaxHeads = 1 << 14;
constexpr int64_t kMaxHeadDim = 1 << 12;

// transformers' MistralConfig: a file without the key means 4096, a file with null means none.
constexpr int64_t kMistralDefaultWindow = 4096;

struct Family {
  std::string_view name;  // model_type
  std::string_view architecture;
};
constexpr std::array<Family, 3> kFamilies = {{{"llama", "LlamaForCausalLM"},
                                              {"mistral", "MistralForCausalLM"},
                                              {"qwen2", "Qwen2ForCausalLM"}}};

std::string supported_architectures() {
  std::vector<std::string_view> names;
  for (const Family& family : kFamilies) names.push_back(family.architecture);
  return fmt::format("supported are {}", fmt::join(names, ", "));
}

// The family by `architectures`, which model_type must not contradict; by model_type where it
// stands alone.
std::string read_family(const JsonObject& config) {
  const auto type = config.text("model_type");
  std::string_view by_architecture;
  if (const json* list = config.find("architectures")) {
    if (!list->is_array() || list->size() != 1 || !list->front().is_string()) {
      config.refuse("architectures",
                    "a list of one name is expected; " + supported_architectures());
    }
    const auto found =
        std::ranges::find(kFamilies, list->front().get<std::string>(), &Family::architecture);
    if (found == kFamilies.end()) {
      config.refuse("architectures",
                    "kvreel does not compute that architecture; " + supported_architectures());
    }
    by_architecture = found->name;
  } else if (!type) {
    config.miss("architectures", "it says which model this is; " + supported_architectures());
  }
  if (type && std::ranges::find(kFamilies, *type, &Family::name) == kFamilies.end()) {
    config.refuse("model_type",
                  "kvreel does not compute that architecture; " + supported_architectures());
  }
  if (type && !by_architecture.empty() && *type != by_architecture) {
    config.refuse("model_type",
                  fmt::format("but 'architectures' is {}; correct the one that is wrong",
                              shown(*config.find("architectures"))));
  }
  return type ? *type : std::string(by_architecture);
}

void read_heads(const JsonObject& config, ModelConfig& model) {
  const int64_t q_heads = config.required_integer("num_attention_heads", 1, kMaxHeads);
  // Only Llama files may be silent: transformers' other classes assume numbers of one certain
  // model.
  const auto kv_heads = config.integer("num_key_value_heads", 1, kMaxHeads);
  if (!kv_heads && model.family != "llama" && !config.has("num_key_value_heads")) {
    config.miss("num_key_value_heads", "an integer is expected");
  }
  model.q_heads = int(q_heads);
  model.kv_heads = int(kv_heads.value_or(q_heads));
  if (q_heads % model.kv_heads != 0) {
    config.refuse("num_key_value_heads",
                  fmt::format("it must divide 'num_attention_heads', {}", q_heads));
  }
  const auto head_dim = config.integer("head_dim", 2, kMaxHeadDim);
  if (!head_dim && model.hidden_size % q_heads != 0) {
    config.refuse("num_attention_heads",
                  fmt::format("it must divide 'hidden_size', {}, where there is no 'head_dim'",
                              model.hidden_size));
  }
  const int64_t width = head_dim.value_or(model.hidden_size / q_heads);
  const char* const key = head_dim ? "head_dim" : "num_attention_heads";
  if (width % 2 != 0 || width > kMaxHeadDim) {
    config.refuse(key, fmt::format("heads of {} elements cannot be: rotary embedding needs an "
                                   "even number of at most {}",
                                   width, kMaxHeadDim));
  }
  model.head_dim = int(width);
  if (model.q_size() > kMaxWidth) {
    config.refuse(key, fmt::format("all heads together have {} elements, above the {} that any "
                                   "model is near",
                                   model.q_size(), kMaxWidth));
  }
}

void read_sizes(const JsonObject& config, ModelConfig& model) {
  model.vocab_size = config.required_integer("vocab_size", 1, kMaxVocab);
  model.hidden_size = config.required_integer("hidden_size", 1, kMaxWidth);
  model.intermediate_size = config.required_integer("intermediate_size", 1, kMaxIntermediate);
  model.layers = int(config.required_integer("num_hidden_layers", 1, kMaxLayers));
  model.max_positions = config.required_integer("max_position_embeddings", 1, INT32_MAX);
  read_heads(config, model);

  model.rms_norm_eps = float(config.required_number("rms_norm_eps"));
  if (!(model.rms_norm_eps > 0 && model.rms_norm_eps < 1)) {
    config.refuse("rms_norm_eps", "a number above 0 and below 1 is expected");
  }
  const auto activation = config.text("hidden_act");
  if (activation && *activation != "silu") {
    config.refuse("hidden_act", "kvreel computes \"silu\" only; use a model with that activation");
  }
}

// Llama has its biases by two keys, the output projection's among them; Qwen2 has them on q, k and
// v whatever the file says; Mistral has none. A key that says otherwise than its family's class
// does is refused.
void read_biases(const JsonObject& config, ModelConfig& model) {
  const auto attention = config.boolean("attention_bias");
  const auto mlp = config.boolean("mlp_bias");
  if (model.family == "llama") {
    model.qkv_bias = model.attn_out_bias = attention.value_or(false);
    model.mlp_bias = mlp.value_or(false);
    return;
  }
  model.qkv_bias = model.family == "qwen2";
  if (attention.value_or(model.qkv_bias) != model.qkv_bias) {
    config.refuse("attention_bias",
                  fmt::format("{} models always have {}; remove the key or correct the "
                              "architecture",
                              model.family, model.qkv_bias ? "biases on q, k and v" : "no biases"));
  }
  if (mlp.value_or(false)) {
    config.refuse("mlp_bias", fmt::format("{} models have no such biases; remove the key or "
                                          "correct the architecture",
                                          model.family));
  }
}

// [layers], true where a layer's attention is windowed; none where the file does not say.
std::optional<std::vector<bool>> read_layer_types(const JsonObject& config, int layers) {
  const json* list = config.find("layer_types");
  if (!list) return std::nullopt;
  if (!list->is_array() || list->size() != size_t(layers)) {
    config.refuse("layer_types", fmt::format("a list of {} names is expected, one for each of "
                                             "'num_hidden_layers'",
                                             layers));
  }
  std::vector<bool> windowed;
  for (const json& type : *list) {
    if (type != "full_attention" && type != "sliding_attention") {
      config.refuse("layer_types", fmt::format("layer {} is {}, but only \"full_attention\" and "
                                               "\"sliding_attention\" are known",
                                               windowed.size(), shown(type)));
    }
    windowed.push_back(type == "sliding_attention");
  }
  return windowed;
}

// Llama knows no window: a file that asks for one was not meant for this architecture.
std::vector<int64_t> llama_windows(const JsonObject& config, int layers) {
  const bool used = config.boolean("use_sliding_window").value_or(true);
  if (used && config.find("sliding_window")) {
    config.refuse("sliding_window",
                  "LlamaForCausalLM has no sliding window; remove the key or "
                  "correct the architecture");
  }
  const auto types = read_layer_types(config, layers);
  if (types && std::ranges::find(*types, true) != types->end()) {
    config.refuse("layer_types",
                  "LlamaForCausalLM has no \"sliding_attention\"; correct the "
                  "architecture");
  }
  return std::vector<int64_t>(size_t(layers), 0);
}

// Mistral: one window for all layers.
std::vector<int64_t> mistral_windows(const JsonObject& config, int layers) {
  const int64_t missing = config.has("sliding_window") ? 0 : kMistralDefaultWindow;
  const int64_t window = config.integer("sliding_window", 1, INT32_MAX).value_or(missing);
  if (window && !config.boolean("use_sliding_window").value_or(true)) {
    config.refuse("use_sliding_window",
                  fmt::format("but MistralForCausalLM does not read it and has the window {}; set "
                              "'sliding_window' to null for none",
                              window));
  }
  const auto types = read_layer_types(config, layers);
  if (types && std::ranges::find(*types, window == 0) != types->end()) {
    config.refuse("layer_types",
                  fmt::format("but MistralForCausalLM does not read it and has {} in every layer; "
                              "correct the one that is wrong",
                              window ? fmt::format("the window {}", window) : "no window"));
  }
  return std::vector<int64_t>(size_t(layers), window);
}

// Qwen2: a window only where use_sliding_window says so, in the layers that layer_types names, else
// in those from max_window_layers on.
std::vector<int64_t> qwen2_windows(const JsonObject& config, int layers) {
  std::vector<int64_t> windows(size_t(layers), 0);
  const auto types = read_layer_types(config, layers);
  const bool used = config.boolean("use_sliding_window").value_or(false);
  if (used && !config.has("sliding_window")) {
    config.miss("sliding_window", "'use_sliding_window' is true, so a size, or null, is expected");
  }
  const auto window = config.integer("sliding_window", 1, INT32_MAX);
  if (!used || !window) {
    if (types && std::ranges::find(*types, true) != types->end()) {
      config.refuse("layer_types",
                    "it has \"sliding_attention\" without a window; set "
                    "'use_sliding_window' and 'sliding_window', or correct it");
    }
    return windows;
  }
  if (types) {
    for (size_t layer = 0; layer < windows.size(); ++layer) {
      if ((*types)[layer]) windows[layer] = *window;
    }
    return windows;
  }
  const int64_t first = config.required_integer("max_window_layers", 0, kMaxLayers);
  for (int64_t layer = first; layer < layers; ++layer) windows[size_t(layer)] = *window;
  return windows;
}

std::vector<int64_t> read_windows(const JsonObject& config, const ModelConfig& model) {
  if (model.family == "mistral") return mistral_windows(config, model.layers);
  if (model.family == "qwen2") return qwen2_windows(config, model.layers);
  return llama_windows(config, model.layers);
}

// transformers 4 writes torch_dtype, 5 writes dtype; a file with neither is in float32.
kernels::DType read_dtype(const JsonObject& config) {
  const auto old_name = config.text("torch_dtype");
  const auto new_name = config.text("dtype");
  if (old_name && new_name && *old_name != *new_name) {
    config.refuse("dtype", fmt::format("but 'torch_dtype' is \"{}\"; remove the one that is wrong",
                                       *old_name));
  }
  const std::string name = new_name ? *new_name : old_name.value_or("float32");
  if (name == "float32") return kernels::DType::f32;
  if (name == "float16") return kernels::DType::f16;
  if (name == "bfloat16") return kernels::DType::bf16;
  config.refuse(new_name ? "dtype" : "torch_dtype",
                "\"float32\", \"float16\" or \"bfloat16\" is expected; convert the model to one "
                "of these");
}

std::vector<int32_t> read_token_ids(const JsonObject& config, const std::string& key,
                                    int64_t vocab_size) {
  const auto ids = config.integers(key, 0, vocab_size - 1);
  return {ids.begin(), ids.end()};
}

// Instruction-tuned models list more stop ids in generation_config.json than in config.json.
void read_generation_config(const std::filesystem::path& path, ModelConfig& model) {
  std::error_code error;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, error))) return;
  const json value = read_json_file(path);
  const JsonObject generation(value, path.string());
  auto eos_ids = read_token_ids(generation, "eos_token_id", model.vocab_size);
  if (!eos_ids.empty()) model.eos_ids = std::move(eos_ids);
}

}  // namespace

int64_t ModelConfig::kv_bytes_per_position(kernels::DType cache_dtype) const {
  return 2 * kv_size() * int64_t(kernels::size_of(cache_dtype));
}

ModelConfig read_model_config(const std::filesystem::path& directory) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    fail(
        "Cannot read the model '{}': it is not a directory; give one in Hugging Face's layout, "
        "with config.json in it.",
        directory.string());
  }
  const std::filesystem::path path = directory / "config.json";
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, error))) {
    fail("The model directory '{}' has no config.json; give one in Hugging Face's layout.",
         directory.string());
  }
  const json value = read_json_file(path);
  const JsonObject config(value, path.string());

  ModelConfig model;
  model.family = read_family(config);
  refuse_unsupported_keys(config);
  read_sizes(config, model);
  read_biases(config, model);
  model.rope = read_rope_config(config, model.max_positions);
  model.windows = read_windows(config, model);
  model.tied_embeddings = config.boolean("tie_word_embeddings").value_or(false);
  model.stored_dtype = read_dtype(config);
  model.bos_ids = read_token_ids(config, "bos_token_id", model.vocab_size);
  model.eos_ids = read_token_ids(config, "eos_token_id", model.vocab_size);
  read_generation_config(directory / "generation_config.json", model);
  return model;
}

}  // namespace kvreel::engine
