// A model's tensors as views on mapped files or made-up memory, and their one list.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/model/config.h"
#include "kernels/types.h"

namespace kvreel::engine {

struct LayerWeights {
  kernels::Vector attn_norm;               // [hidden]
  kernels::Matrix q, k, v;                 // [q_size | kv_size, hidden]
  kernels::Vector q_bias, k_bias, v_bias;  // empty where the model has none
  kernels::Matrix out;                     // [hidden, q_size]
  kernels::Vector out_bias;
  kernels::Vector ffn_norm;  // [hidden]
  kernels::Matrix gate, up;  // [intermediate, hidden]
  kernels::Vector gate_bias, up_bias;
  kernels::Matrix down;  // [hidden, intermediate]
  kernels::Vector down_bias;
};

struct Weights {
  kernels::Matrix embedding;  // [vocab, hidden]
  std::vector<LayerWeights> layers;
  kernels::Vector final_norm;  // [hidden]
  kernels::Matrix lm_head;     // [vocab, hidden]; the embedding where tied

  // Bytes read for one decoded token at least: every matrix and vector once, of the embedding one
  // row (all of it where it is also the output head).
  int64_t bytes_per_token() const;
  int64_t total_bytes() const;

  std::shared_ptr<const void> storage;  // keeps the mapped files, or the memory, alive
};

// A file of the model and what it holds, for the record of what was run.
struct ModelFile {
  std::filesystem::path path;
  uint64_t bytes = 0;
};

// Lists every tensor of the architecture once: its name in a checkpoint, its expected shape ({rows,
// cols} or {size}), and where its view goes. Loading, making dummy weights and counting all use
// this list.
struct TensorSlot {
  std::string name;
  std::vector<int64_t> shape;
  kernels::Matrix* matrix = nullptr;  // exactly one of the two is set
  kernels::Vector* vector = nullptr;

  int64_t elements() const;
  // Makes the slot's view one of `data`, which holds elements() values of `dtype` in row-major
  // order.
  void set(const void* data, kernels::DType dtype) const;
};
std::vector<TensorSlot> tensor_slots(const ModelConfig& config, Weights& weights);

// Maps `directory`/model.safetensors or the shards of model.safetensors.index.json. Throws Error
// for missing, truncated or inconsistent files, wrong shapes and dtypes, and tensors that
// config.json does not account for.
Weights load_weights(const std::filesystem::path& directory, const ModelConfig& config);

// Weights of the configured shapes drawn from `seed`: matrices normal with deviation 0.02, norms
// one, biases normal with deviation 0.02, in config.stored_dtype. The same seed gives the same
// bytes on every machine.
Weights make_dummy_weights(const ModelConfig& config, uint64_t seed);

// The files that load_weights() reads, and config.json, generation_config.json, tokenizer.json and
// tokenizer_config.json where present.
std::vector<ModelFile> model_files(const std::filesystem::path& directory, bool with_weights);

}  // namespace kvreel::engine
