// What a model directory's config.json says about the maths, and nothing else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kernels/types.h"

namespace kvreel::engine {

enum class RopeType : uint8_t { standard, linear, llama3, yarn };

// How rotary angles are made. Fields beyond `theta` are read only where `type` uses them.
struct RopeConfig {
  RopeType type = RopeType::standard;
  double theta = 10000;
  double factor = 1;
  double low_freq_factor = 1;          // llama3
  double high_freq_factor = 4;         // llama3
  double beta_fast = 32;               // yarn
  double beta_slow = 1;                // yarn
  double attention_factor = 1;         // yarn: cos and sin are multiplied by it
  bool truncate = true;                // yarn: correction dims are rounded outwards to whole dims
  int64_t original_max_positions = 0;  // llama3, yarn
};

// A decoder-only transformer of the Llama family. Counts are in elements.
struct ModelConfig {
  std::string family;  // "llama", "mistral" or "qwen2"
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int layers = 0;
  int q_heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  float rms_norm_eps = 1e-6f;
  RopeConfig rope;
  int64_t max_positions = 0;
  std::vector<int64_t>
      windows;  // [layers]; W: a query sees W keys, itself among them; 0: all before it
  bool qkv_bias = false;
  bool attn_out_bias = false;
  bool mlp_bias = false;
  bool tied_embeddings = false;
  kernels::DType stored_dtype =
      kernels::DType::f32;       // torch_dtype / dtype; what dummy weights are made in
  std::vector<int32_t> bos_ids;  // empty where the file has none
  std::vector<int32_t> eos_ids;  // generation_config.json's where it has them, else config.json's

  int64_t q_size() const { return int64_t(q_heads) * head_dim; }
  int64_t kv_size() const { return int64_t(kv_heads) * head_dim; }
  int64_t parameters() const;  // elements in all weights, tied embeddings counted once
  // Bytes that one cached position takes in one layer: keys and values of every KV head.
  int64_t kv_bytes_per_position(kernels::DType cache_dtype) const;
};

// Reads `directory`/config.json and, where present, generation_config.json. Throws Error, naming
// file, key and value, for anything that changes the maths and is not supported, and for what is
// missing or inconsistent.
ModelConfig read_model_config(const std::filesystem::path& directory);

}  // namespace kvreel::engine
