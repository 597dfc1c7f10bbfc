// A configuration of a few hundred elements, and the bytes behind a view of its weights.
#pragma once

#include <string>

#include "engine/model/config.h"
#include "engine/model/weights.h"

namespace kvreel::engine::test {

inline ModelConfig tiny_config() {
  ModelConfig config;
  config.family = "llama";
  config.vocab_size = 10;
  config.hidden_size = 8;
  config.intermediate_size = 12;
  config.layers = 2;
  config.q_heads = 4;
  config.kv_heads = 2;
  config.head_dim = 4;
  config.max_positions = 32;
  config.windows = {0, 0};
  return config;
}

inline std::string dtype_name(kernels::DType dtype) {
  return dtype == kernels::DType::f32 ? "F32" : dtype == kernels::DType::f16 ? "F16" : "BF16";
}

template <typename View>
std::string bytes_of(const View& view, size_t elements) {
  return {static_cast<const char*>(view.data), elements * kernels::size_of(view.dtype)};
}

}  // namespace kvreel::engine::test
