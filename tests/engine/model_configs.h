// config.json of published models, with the same keys and values, and what reading one gives.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/model/config.h"
#include "engine/temp_model.h"

namespace kvreel::engine::test {

using nlohmann::json;

inline ModelConfig read(const json& config, const json& generation = nullptr) {
  const TempDirectory directory;
  directory.write("config.json", config);
  if (!generation.is_null()) directory.write("generation_config.json", generation);
  return read_model_config(directory.path());
}

// The error that the config gives; it must name the file.
inline std::string refusal(const json& config, const json& generation = nullptr) {
  const std::string error = error_of([&] { read(config, generation); });
  EXPECT_TRUE(contains(error, {"config.json'"}));
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  return error;
}

// `config` with some keys changed; a key set to the string "absent" is removed.
inline json with(json config, const json& changes) {
  for (const auto& [key, value] : changes.items()) {
    if (value == "absent") {
      config.erase(key);
    } else {
      config[key] = value;
    }
  }
  return config;
}

inline json llama2_7b() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"vocab_size", 32000},
          {"hidden_size", 4096},
          {"intermediate_size", 11008},
          {"num_hidden_layers", 32},
          {"num_attention_heads", 32},
          {"num_key_value_heads", 32},
          {"hidden_act", "silu"},
          {"max_position_embeddings", 4096},
          {"rms_norm_eps", 1e-5},
          {"rope_scaling", nullptr},
          {"pretraining_tp", 1},
          {"initializer_range", 0.02},
          {"tie_word_embeddings", false},
          {"use_cache", true},
          {"bos_token_id", 1},
          {"eos_token_id", 2},
          {"torch_dtype", "float16"},
          {"transformers_version", "4.31.0"}};
}

inline json llama3_8b() {
  return with(llama2_7b(), {{"vocab_size", 128256},
                            {"intermediate_size", 14336},
                            {"num_key_value_heads", 8},
                            {"max_position_embeddings", 8192},
                            {"rope_theta", 500000.0},
                            {"attention_bias", false},
                            {"attention_dropout", 0.0},
                            {"bos_token_id", 128000},
                            {"eos_token_id", 128001},
                            {"torch_dtype", "bfloat16"}});
}

inline json llama3_scaling(double factor) {
  return {{"factor", factor},
          {"low_freq_factor", 1.0},
          {"high_freq_factor", 4.0},
          {"original_max_position_embeddings", 8192},
          {"rope_type", "llama3"}};
}

inline json llama31_8b() {
  return with(llama3_8b(), {{"max_position_embeddings", 131072},
                            {"mlp_bias", false},
                            {"eos_token_id", {128001, 128008, 128009}},
                            {"rope_scaling", llama3_scaling(8)}});
}

inline json llama32_1b() {
  return with(llama31_8b(), {{"hidden_size", 2048},
                             {"intermediate_size", 8192},
                             {"num_hidden_layers", 16},
                             {"head_dim", 64},
                             {"tie_word_embeddings", true},
                             {"rope_scaling", llama3_scaling(32)}});
}

inline json mistral_v01() {
  return {{"architectures", {"MistralForCausalLM"}},
          {"model_type", "mistral"},
          {"vocab_size", 32000},
          {"hidden_size", 4096},
          {"intermediate_size", 14336},
          {"num_hidden_layers", 32},
          {"num_attention_heads", 32},
          {"num_key_value_heads", 8},
          {"hidden_act", "silu"},
          {"max_position_embeddings", 32768},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 10000.0},
          {"sliding_window", 4096},
          {"tie_word_embeddings", false},
          {"bos_token_id", 1},
          {"eos_token_id", 2},
          {"torch_dtype", "bfloat16"}};
}

inline json mistral_v02() {
  return with(mistral_v01(), {{"rope_theta", 1000000.0}, {"sliding_window", nullptr}});
}

inline json mistral_nemo() {
  return with(mistral_v02(), {{"vocab_size", 131072},
                              {"hidden_size", 5120},
                              {"num_hidden_layers", 40},
                              {"head_dim", 128},
                              {"max_position_embeddings", 1024000}});
}

inline json qwen2_7b() {
  return {{"architectures", {"Qwen2ForCausalLM"}},
          {"model_type", "qwen2"},
          {"vocab_size", 152064},
          {"hidden_size", 3584},
          {"intermediate_size", 18944},
          {"num_hidden_layers", 28},
          {"num_attention_heads", 28},
          {"num_key_value_heads", 4},
          {"hidden_act", "silu"},
          {"max_position_embeddings", 131072},
          {"max_window_layers", 28},
          {"rms_norm_eps", 1e-6},
          {"rope_theta", 1000000.0},
          {"sliding_window", 131072},
          {"use_sliding_window", false},
          {"use_mrope", false},
          {"tie_word_embeddings", false},
          {"bos_token_id", 151643},
          {"eos_token_id", 151643},
          {"torch_dtype", "bfloat16"}};
}

inline json qwen25_05b() {
  return with(qwen2_7b(), {{"vocab_size", 151936},
                           {"hidden_size", 896},
                           {"intermediate_size", 4864},
                           {"num_hidden_layers", 24},
                           {"num_attention_heads", 14},
                           {"num_key_value_heads", 2},
                           {"max_window_layers", 24},
                           {"max_position_embeddings", 32768},
                           {"tie_word_embeddings", true}});
}

inline std::vector<int64_t> windows(size_t layers, int64_t window) {
  return std::vector<int64_t>(layers, window);
}

}  // namespace kvreel::engine::test
