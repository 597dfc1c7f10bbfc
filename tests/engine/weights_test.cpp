// The list of a model's tensors, the bytes that they take, and weights made from a seed.
#include "engine/model/weights.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "base/sha256.h"
#include "engine/tiny_weights.h"

namespace kvreel::engine {
namespace {

using kernels::DType;
using namespace test;

// All bytes of the weights, in the order of the list.
std::string all_bytes(const ModelConfig& config, Weights& weights) {
  std::string bytes;
  for (const TensorSlot& slot : tensor_slots(config, weights)) {
    const auto size = size_t(slot.elements());
    bytes += slot.matrix ? bytes_of(*slot.matrix, size) : bytes_of(*slot.vector, size);
  }
  return bytes;
}

TEST(TensorSlots, lists_each_tensor_once_with_its_shape) {
  Weights weights;
  std::map<std::string, std::vector<int64_t>> shapes;
  std::set<const void*> targets;
  for (const TensorSlot& slot : tensor_slots(tiny_config(), weights)) {
    EXPECT_TRUE(shapes.emplace(slot.name, slot.shape).second) << slot.name;
    EXPECT_NE(slot.matrix == nullptr, slot.vector == nullptr) << slot.name;
    const void* const target = slot.matrix ? static_cast<const void*>(slot.matrix) : slot.vector;
    EXPECT_TRUE(targets.insert(target).second) << slot.name;
  }
  EXPECT_EQ(shapes.size(), 3u + 2 * 9);
  EXPECT_EQ(shapes["model.embed_tokens.weight"], (std::vector<int64_t>{10, 8}));
  EXPECT_EQ(shapes["model.layers.1.self_attn.q_proj.weight"], (std::vector<int64_t>{16, 8}));
  EXPECT_EQ(shapes["model.layers.0.self_attn.k_proj.weight"], (std::vector<int64_t>{8, 8}));
  EXPECT_EQ(shapes["model.layers.0.self_attn.v_proj.weight"], (std::vector<int64_t>{8, 8}));
  EXPECT_EQ(shapes["model.layers.0.self_attn.o_proj.weight"], (std::vector<int64_t>{8, 16}));
  EXPECT_EQ(shapes["model.layers.0.mlp.gate_proj.weight"], (std::vector<int64_t>{12, 8}));
  EXPECT_EQ(shapes["model.layers.0.mlp.up_proj.weight"], (std::vector<int64_t>{12, 8}));
  EXPECT_EQ(shapes["model.layers.0.mlp.down_proj.weight"], (std::vector<int64_t>{8, 12}));
  EXPECT_EQ(shapes["model.layers.0.input_layernorm.weight"], (std::vector<int64_t>{8}));
  EXPECT_EQ(shapes["model.layers.0.post_attention_layernorm.weight"], (std::vector<int64_t>{8}));
  EXPECT_EQ(shapes["model.norm.weight"], (std::vector<int64_t>{8}));
  EXPECT_EQ(shapes["lm_head.weight"], (std::vector<int64_t>{10, 8}));
}

TEST(TensorSlots, biases_and_tied_embeddings_follow_the_config) {
  const auto names = [](const ModelConfig& config) {
    Weights weights;
    std::map<std::string, std::vector<int64_t>> shapes;
    for (const TensorSlot& slot : tensor_slots(config, weights)) shapes[slot.name] = slot.shape;
    return shapes;
  };
  ModelConfig config = tiny_config();
  config.tied_embeddings = true;
  config.qkv_bias = true;
  auto shapes = names(config);
  EXPECT_FALSE(shapes.contains("lm_head.weight"));
  EXPECT_EQ(shapes["model.layers.0.self_attn.q_proj.bias"], (std::vector<int64_t>{16}));
  EXPECT_EQ(shapes["model.layers.0.self_attn.v_proj.bias"], (std::vector<int64_t>{8}));
  EXPECT_FALSE(shapes.contains("model.layers.0.self_attn.o_proj.bias"));
  config.attn_out_bias = config.mlp_bias = true;
  shapes = names(config);
  EXPECT_EQ(shapes["model.layers.1.self_attn.o_proj.bias"], (std::vector<int64_t>{8}));
  EXPECT_EQ(shapes["model.layers.1.mlp.gate_proj.bias"], (std::vector<int64_t>{12}));
  EXPECT_EQ(shapes["model.layers.1.mlp.down_proj.bias"], (std::vector<int64_t>{8}));
}

TEST(Weights, counts_bytes_of_a_token_and_of_all) {
  ModelConfig config = tiny_config();
  config.stored_dtype = DType::bf16;
  const int64_t all = 2 * config.parameters();
  const Weights weights = make_dummy_weights(config, 1);
  EXPECT_EQ(weights.total_bytes(), all);
  EXPECT_EQ(weights.bytes_per_token(), all - 2 * 10 * 8 + 2 * 8);  // one row of the embedding

  config.tied_embeddings = true;
  const int64_t tied = 2 * config.parameters();
  EXPECT_EQ(tied, all - 2 * 10 * 8);
  const Weights shared = make_dummy_weights(config, 1);
  EXPECT_EQ(shared.total_bytes(), tied);
  EXPECT_EQ(shared.bytes_per_token(), tied);  // all of the embedding, as the head
}

TEST(DummyWeights, the_seed_fixes_the_bytes) {
  // Agrees with a second implementation in NumPy; whoever changes the generator changes every
  // recorded dummy run.
  const std::map<DType, std::string> expected = {
      {DType::f32, "86a2ae38279c4d623f61da26a6a398aa1b68604bec4acbd9e3f25238f4bd634e"},
      {DType::f16, "40726518a2fbcdca0817e613038a927fc67b5634d88aaa3842ac53b2b52bd74b"},
      {DType::bf16, "0ce9a04e0f3e639e8b06274171524f633519a0d50be291f4d20f8fc9ee260433"}};
  for (const auto& [dtype, hash] : expected) {
    ModelConfig config = tiny_config();
    config.qkv_bias = true;
    config.stored_dtype = dtype;
    Weights weights = make_dummy_weights(config, 42);
    EXPECT_EQ(sha256(all_bytes(config, weights)), hash) << dtype_name(dtype);
  }
}

TEST(DummyWeights, do_not_depend_on_the_number_of_threads) {
  ModelConfig config = tiny_config();
  config.vocab_size = 1000;
  const int before = omp_get_max_threads();
  std::set<std::string> hashes;
  for (const int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    Weights weights = make_dummy_weights(config, 7);
    hashes.insert(sha256(all_bytes(config, weights)));
  }
  omp_set_num_threads(before);
  EXPECT_EQ(hashes.size(), 1u);
}

TEST(DummyWeights, differ_by_seed_and_by_tensor) {
  const Weights a = make_dummy_weights(tiny_config(), 1);
  const Weights b = make_dummy_weights(tiny_config(), 2);
  EXPECT_NE(bytes_of(a.embedding, 80), bytes_of(b.embedding, 80));
  EXPECT_NE(bytes_of(a.embedding, 80), bytes_of(a.lm_head, 80));
  EXPECT_NE(bytes_of(a.layers[0].gate, 96), bytes_of(a.layers[1].gate, 96));
}

TEST(DummyWeights, norms_are_one_and_matrices_normal_with_deviation_002) {
  ModelConfig config = tiny_config();
  config.vocab_size = 100'000;
  const Weights weights = make_dummy_weights(config, 3);
  const auto* const norm = static_cast<const float*>(weights.layers[0].attn_norm.data);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(norm[i], 1.0f);

  const auto* const values = static_cast<const float*>(weights.embedding.data);
  const int n = 800'000;
  double sum = 0, squares = 0, fourth = 0, lagged = 0;
  int beyond_two = 0;
  for (int i = 0; i < n; ++i) {
    const double x = values[i] / 0.02;
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
    if (i > 0) lagged += x * values[i - 1] / 0.02;
    beyond_two += std::abs(x) > 2;
  }
  // Five standard errors of each estimate over n independent values of deviation 1.
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(lagged / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(fourth / n, 3 - 1.2 / 8,
              5 * std::sqrt(96.0 / n));                // Irwin-Hall: excess kurtosis -1.2 / 8
  EXPECT_NEAR(double(beyond_two) / n, 0.0455, 0.002);  // the normal's share, less the lighter tails
}

TEST(DummyWeights, narrow_types_are_the_rounded_wide_ones) {
  ModelConfig config = tiny_config();
  config.vocab_size = 2000;
  const Weights wide = make_dummy_weights(config, 9);
  const auto* const exact = static_cast<const float*>(wide.embedding.data);
  int subnormal = 0;
  config.stored_dtype = DType::f16;
  const Weights halves = make_dummy_weights(config, 9);
  const auto* const f16 = static_cast<const uint16_t*>(halves.embedding.data);
  for (int i = 0; i < 16000; ++i) {
    const int exponent = (f16[i] >> 10) & 31;
    const int fraction = f16[i] & 1023;
    const double magnitude =
        exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24);
    const double value = f16[i] & 0x8000 ? -magnitude : magnitude;
    subnormal += exponent == 0;
    // Half a unit in the last place: 2^-11 of the value, 2^-25 among the subnormals.
    EXPECT_LE(std::abs(value - exact[i]),
              std::max(std::abs(double(exact[i])) / 2048, std::ldexp(1, -25)));
  }
  EXPECT_GT(subnormal, 0);  // else that branch was not tested
  config.stored_dtype = DType::bf16;
  const Weights brains = make_dummy_weights(config, 9);
  const auto* const bf16 = static_cast<const uint16_t*>(brains.embedding.data);
  for (int i = 0; i < 16000; ++i) {
    const uint32_t bits = uint32_t(bf16[i]) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    EXPECT_LE(std::abs(value - exact[i]), std::abs(exact[i]) / 256);
  }
}

}  // namespace
}  // namespace kvreel::engine
