// The one list of a model's tensors: names in a checkpoint, shapes, and the members that view them.
#include "engine/model/weights.h"

#include <array>
#include <cassert>

#include "engine/model/config.h"

namespace kvreel::engine {
namespace {

using kernels::Matrix;
using kernels::Vector;

enum class Dim : uint8_t { none, hidden, q, kv, intermediate };
enum class Where : uint8_t { always, qkv_bias, attn_out_bias, mlp_bias };  // models that have it

// A tensor of every layer. Exactly one of the two members is set; a vector has no cols.
struct LayerTensor {
  const char* name;  // after "model.layers.N."
  Matrix LayerWeights::*matrix;
  Vector LayerWeights::*vector;
  Dim rows;
  Dim cols;
  Where where;
};

constexpr LayerTensor matrix(const char* name, Matrix LayerWeights::*member, Dim rows, Dim cols) {
  return {name, member, nullptr, rows, cols, Where::always};
}

constexpr LayerTensor vector(const char* name, Vector LayerWeights::*member, Dim size,
                             Where where = Where::always) {
  return {name, nullptr, member, size, Dim::none, where};
}

constexpr std::array kLayerTensors = {
    vector("input_layernorm.weight", &LayerWeights::attn_norm, Dim::hidden),
    matrix("self_attn.q_proj.weight", &LayerWeights::q, Dim::q, Dim::hidden),
    matrix("self_attn.k_proj.weight", &LayerWeights::k, Dim::kv, Dim::hidden),
    matrix("self_attn.v_proj.weight", &LayerWeights::v, Dim::kv, Dim::hidden),
    vector("self_attn.q_proj.bias", &LayerWeights::q_bias, Dim::q, Where::qkv_bias),
    vector("self_attn.k_proj.bias", &LayerWeights::k_bias, Dim::kv, Where::qkv_bias),
    vector("self_attn.v_proj.bias", &LayerWeights::v_bias, Dim::kv, Where::qkv_bias),
    matrix("self_attn.o_proj.weight", &LayerWeights::out, Dim::hidden, Dim::q),
    vector("self_attn.o_proj.bias", &LayerWeights::out_bias, Dim::hidden, Where::attn_out_bias),
    vector("post_attention_layernorm.weight", &LayerWeights::ffn_norm, Dim::hidden),
    matrix("mlp.gate_proj.weight", &LayerWeights::gate, Dim::intermediate, Dim::hidden),
    matrix("mlp.up_proj.weight", &LayerWeights::up, Dim::intermediate, Dim::hidden),
    vector("mlp.gate_proj.bias", &LayerWeights::gate_bias, Dim::intermediate, Where::mlp_bias),
    vector("mlp.up_proj.bias", &LayerWeights::up_bias, Dim::intermediate, Where::mlp_bias),
    matrix("mlp.down_proj.weight", &LayerWeights::down, Dim::hidden, Dim::intermediate),
    vector("mlp.down_proj.bias", &LayerWeights::down_bias, Dim::hidden, Where::mlp_bias),
};

int64_t size_of_dim(const ModelConfig& config, Dim dim) {
  switch (dim) {
    case Dim::none:
      return 1;
    case Dim::hidden:
      return config.hidden_size;
    case Dim::q:
      return config.q_size();
    case Dim::kv:
      return config.kv_size();
    case Dim::intermediate:
      return config.intermediate_size;
  }
  return 0;
}

bool has(const ModelConfig& config, Where where) {
  switch (where) {
    case Where::always:
      return true;
    case Where::qkv_bias:
      return config.qkv_bias;
    case Where::attn_out_bias:
      return config.attn_out_bias;
    case Where::mlp_bias:
      return config.mlp_bias;
  }
  return false;
}

int64_t bytes_of(const Matrix& matrix) {
  return matrix ? matrix.rows * matrix.cols * int64_t(kernels::size_of(matrix.dtype)) : 0;
}

int64_t bytes_of(const Vector& vector) {
  return vector ? vector.size * int64_t(kernels::size_of(vector.dtype)) : 0;
}

// Everything but the embedding and the output head.
int64_t body_bytes(const Weights& weights) {
  int64_t bytes = bytes_of(weights.final_norm);
  for (const LayerWeights& layer : weights.layers) {
    for (const LayerTensor& tensor : kLayerTensors) {
      bytes += tensor.matrix ? bytes_of(layer.*tensor.matrix) : bytes_of(layer.*tensor.vector);
    }
  }
  return bytes;
}

}  // namespace

std::vector<TensorSlot> tensor_slots(const ModelConfig& config, Weights& weights) {
  weights.layers.resize(size_t(config.layers));
  std::vector<TensorSlot> slots;
  slots.push_back({"model.embed_tokens.weight",
                   {config.vocab_size, config.hidden_size},
                   &weights.embedding,
                   nullptr});
  for (size_t index = 0; index < weights.layers.size(); ++index) {
    LayerWeights& layer = weights.layers[index];
    for (const LayerTensor& tensor : kLayerTensors) {
      if (!has(config, tensor.where)) continue;
      TensorSlot slot;
      slot.name = "model.layers." + std::to_string(index) + "." + tensor.name;
      slot.shape = {size_of_dim(config, tensor.rows)};
      if (tensor.matrix) {
        slot.shape.push_back(size_of_dim(config, tensor.cols));
        slot.matrix = &(layer.*tensor.matrix);
      } else {
        slot.vector = &(layer.*tensor.vector);
      }
      slots.push_back(std::move(slot));
    }
  }
  slots.push_back({"model.norm.weight", {config.hidden_size}, nullptr, &weights.final_norm});
  if (!config.tied_embeddings) {
    slots.push_back(
        {"lm_head.weight", {config.vocab_size, config.hidden_size}, &weights.lm_head, nullptr});
  }
  return slots;
}

void TensorSlot::set(const void* data, kernels::DType dtype) const {
  assert((matrix != nullptr) != (vector != nullptr));
  if (matrix) {
    *matrix = {data, dtype, shape[0], shape[1]};
  } else {
    *vector = {data, dtype, shape[0]};
  }
}

int64_t TensorSlot::elements() const {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

int64_t ModelConfig::parameters() const {
  Weights weights;
  int64_t count = 0;
  for (const TensorSlot& slot : tensor_slots(*this, weights)) count += slot.elements();
  return count;
}

int64_t Weights::bytes_per_token() const {
  const int64_t row = embedding.cols * int64_t(kernels::size_of(embedding.dtype));
  const bool tied = lm_head.data == embedding.data;
  return body_bytes(*this) + bytes_of(lm_head) + (tied ? 0 : row);
}

int64_t Weights::total_bytes() const {
  const bool tied = lm_head.data == embedding.data;
  return body_bytes(*this) + bytes_of(embedding) + (tied ? 0 : bytes_of(lm_head));
}

}  // namespace kvreel::engine
