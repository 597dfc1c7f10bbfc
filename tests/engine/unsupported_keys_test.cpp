// Keys of config.json that change the arithmetic are refused.
#include <gtest/gtest.h>

#include "engine/model/config.h"
#include "engine/model_configs.h"

namespace kvreel::engine {
namespace {

using namespace test;

TEST(UnsupportedKeys, are_refused_unless_they_are_neutral) {
  const std::vector<std::pair<std::string, json>> refused = {
      {"quantization_config", {{"quant_method", "awq"}}},
      {"attn_logit_softcapping", 50.0},
      {"final_logit_softcapping", 30.0},
      {"logit_scale", 0.0625},
      {"embedding_multiplier", 12.0},
      {"residual_multiplier", 0.22},
      {"attention_multiplier", 0.0078125},
      {"logits_scaling", 16.0},
      {"scale_emb", 12},
      {"num_local_experts", 8},
      {"num_experts", 60},
      {"qk_layernorm", true},
      {"use_qk_norm", true},
      {"clip_qkv", 8.0},
      {"alibi", true},
      {"parallel_attn", true},
      {"partial_rotary_factor", 0.5},
      {"rotary_pct", 0.25},
      {"kv_lora_rank", 512},
      {"attention_chunk_size", 8192},
      {"no_rope_layers", {1, 1, 0}},
      {"dual_chunk_attention_config", {{"chunk_size", 262144}}},
      {"use_mrope", true},
      {"bias", true},
      {"position_embedding_type", "alibi"},
      {"hidden_activation", "gelu_pytorch_tanh"},
  };
  for (const auto& [key, value] : refused) {
    EXPECT_TRUE(contains(refusal(with(llama3_8b(), {{key, value}})),
                         {"key '" + key + "' is " + value.dump(), "arithmetic"}));
    EXPECT_NO_THROW(read(with(llama3_8b(), {{key, nullptr}}))) << key;
  }
}

TEST(UnsupportedKeys, neutral_values_pass) {
  EXPECT_NO_THROW(read(with(llama3_8b(), {{"logit_scale", 1.0},
                                          {"partial_rotary_factor", 1},
                                          {"num_experts", 0},
                                          {"qk_layernorm", false},
                                          {"alibi", false},
                                          {"pruned_heads", json::object()},
                                          {"position_embedding_type", "rope"},
                                          {"is_encoder_decoder", false}})));
}

TEST(UnsupportedKeys, keys_that_do_not_matter_are_ignored) {
  EXPECT_NO_THROW(read(with(llama3_8b(), {{"initializer_range", 7},
                                          {"use_cache", "what"},
                                          {"attention_dropout", 0.1},
                                          {"pretraining_tp", 8},
                                          {"_name_or_path", "x"},
                                          {"pad_token_id", -1}})));
}

}  // namespace
}  // namespace kvreel::engine
