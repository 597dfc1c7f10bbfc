// What the config.json of published models means.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "engine/model/config.h"
#include "engine/model_configs.h"

namespace kvreel::engine {
namespace {

using namespace test;
using kernels::DType;

// The counts of parameters are those that the models' pages give (safetensors metadata of the
// repositories).

std::filesystem::path assets() {
  const char* const path = std::getenv("KVREEL_TEST_ASSETS");
  return path ? path : "";
}

TEST(PublishedModels, llama_2_7b) {
  const ModelConfig config = read(llama2_7b());
  EXPECT_EQ(config.family, "llama");
  EXPECT_EQ(config.vocab_size, 32000);
  EXPECT_EQ(config.hidden_size, 4096);
  EXPECT_EQ(config.intermediate_size, 11008);
  EXPECT_EQ(config.layers, 32);
  EXPECT_EQ(config.q_heads, 32);
  EXPECT_EQ(config.kv_heads, 32);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_EQ(config.rms_norm_eps, 1e-5f);
  EXPECT_EQ(config.rope.type, RopeType::standard);
  EXPECT_EQ(config.rope.theta, 10000);  // the file is silent
  EXPECT_EQ(config.max_positions, 4096);
  EXPECT_EQ(config.windows, windows(32, 0));
  EXPECT_FALSE(config.qkv_bias || config.attn_out_bias || config.mlp_bias);
  EXPECT_FALSE(config.tied_embeddings);
  EXPECT_EQ(config.stored_dtype, DType::f16);
  EXPECT_EQ(config.bos_ids, std::vector<int32_t>{1});
  EXPECT_EQ(config.eos_ids, std::vector<int32_t>{2});
  EXPECT_EQ(config.parameters(), 6'738'415'616);
  EXPECT_EQ(config.kv_bytes_per_position(DType::f16), 2 * 32 * 128 * 2);
}

TEST(PublishedModels, llama_3_8b) {
  const ModelConfig config = read(llama3_8b());
  EXPECT_EQ(config.kv_heads, 8);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_EQ(config.rope.type, RopeType::standard);
  EXPECT_EQ(config.rope.theta, 500000);
  EXPECT_EQ(config.stored_dtype, DType::bf16);
  EXPECT_EQ(config.parameters(), 8'030'261'248);
  EXPECT_EQ(config.kv_bytes_per_position(DType::f32), 2 * 8 * 128 * 4);
}

TEST(PublishedModels, llama_3_1_8b) {
  const ModelConfig config = read(llama31_8b());
  EXPECT_EQ(config.rope.type, RopeType::llama3);
  EXPECT_EQ(config.rope.factor, 8);
  EXPECT_EQ(config.rope.low_freq_factor, 1);
  EXPECT_EQ(config.rope.high_freq_factor, 4);
  EXPECT_EQ(config.rope.original_max_positions, 8192);
  EXPECT_EQ(config.rope.attention_factor, 1);
  EXPECT_EQ(config.max_positions, 131072);
  EXPECT_EQ(config.eos_ids, (std::vector<int32_t>{128001, 128008, 128009}));
  EXPECT_EQ(config.parameters(), 8'030'261'248);
}

TEST(PublishedModels, llama_3_2_1b) {
  const ModelConfig config = read(llama32_1b());
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.q_size(), 2048);
  EXPECT_EQ(config.kv_size(), 512);
  EXPECT_EQ(config.rope.factor, 32);
  EXPECT_TRUE(config.tied_embeddings);
  EXPECT_EQ(config.parameters(), 1'235'814'400);  // the embedding once
}

TEST(PublishedModels, mistral_7b_v01_has_a_window) {
  const ModelConfig config = read(mistral_v01());
  EXPECT_EQ(config.family, "mistral");
  EXPECT_EQ(config.windows, windows(32, 4096));
  EXPECT_FALSE(config.qkv_bias);
  EXPECT_EQ(config.parameters(), 7'241'732'096);
}

TEST(PublishedModels, mistral_7b_v02_and_v03_have_none) {
  EXPECT_EQ(read(mistral_v02()).windows, windows(32, 0));
  EXPECT_EQ(read(mistral_v02()).rope.theta, 1000000);
  const ModelConfig config = read(with(mistral_v02(), {{"vocab_size", 32768}}));
  EXPECT_EQ(config.windows, windows(32, 0));
  EXPECT_EQ(config.parameters(), 7'248'023'552);
}

TEST(PublishedModels, mistral_nemo_has_heads_narrower_than_its_width) {
  const ModelConfig config = read(mistral_nemo());
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_EQ(config.q_size(), 4096);
  EXPECT_EQ(config.hidden_size, 5120);
  EXPECT_EQ(config.parameters(), 12'247'782'400);
}

TEST(PublishedModels, qwen2_7b_has_biases_and_ignores_its_window) {
  const ModelConfig config = read(qwen2_7b());
  EXPECT_EQ(config.family, "qwen2");
  EXPECT_TRUE(config.qkv_bias);
  EXPECT_FALSE(config.attn_out_bias);
  EXPECT_EQ(config.windows, windows(28, 0));
  EXPECT_EQ(config.rope.theta, 1000000);
  EXPECT_EQ(config.parameters(), 7'615'616'512);
}

TEST(PublishedModels, qwen25_05b_is_tied) {
  const ModelConfig config = read(qwen25_05b());
  EXPECT_TRUE(config.tied_embeddings);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.parameters(), 494'032'768);
}

TEST(PublishedModels, qwen25_7b_instruct_stretched_by_yarn) {
  const ModelConfig config = read(
      with(qwen2_7b(),
           {{"max_position_embeddings", 32768},
            {"rope_scaling",
             {{"factor", 4.0}, {"original_max_position_embeddings", 32768}, {"type", "yarn"}}}}));
  EXPECT_EQ(config.rope.type, RopeType::yarn);
  EXPECT_EQ(config.rope.factor, 4);
  EXPECT_EQ(config.rope.original_max_positions, 32768);
  EXPECT_EQ(config.rope.beta_fast, 32);
  EXPECT_EQ(config.rope.beta_slow, 1);
  EXPECT_TRUE(config.rope.truncate);
  EXPECT_DOUBLE_EQ(config.rope.attention_factor, 0.1 * std::log(4.0) + 1);
}

// As transformers 5 saves a configuration: rope_parameters, dtype, layer_types.
TEST(PublishedModels, the_new_form_of_keys_means_the_same) {
  const json changes = {{"rope_theta", "absent"},
                        {"rope_scaling", "absent"},
                        {"torch_dtype", "absent"},
                        {"dtype", "bfloat16"}};
  json llama = with(llama31_8b(), changes);
  llama["rope_parameters"] = llama3_scaling(8);
  llama["rope_parameters"]["rope_theta"] = 500000.0;
  const ModelConfig config = read(llama);
  EXPECT_EQ(config.rope.type, RopeType::llama3);
  EXPECT_EQ(config.rope.theta, 500000);
  EXPECT_EQ(config.rope.factor, 8);
  EXPECT_EQ(config.stored_dtype, DType::bf16);

  json qwen = with(qwen2_7b(), changes);
  qwen["rope_parameters"] = {{"rope_theta", 1000000.0}, {"rope_type", "default"}};
  qwen["layer_types"] = std::vector<std::string>(28, "full_attention");
  qwen["sliding_window"] = nullptr;
  EXPECT_EQ(read(qwen).rope.theta, 1000000);
  EXPECT_EQ(read(qwen).rope.type, RopeType::standard);
  EXPECT_EQ(read(qwen).windows, windows(28, 0));
}

TEST(PublishedModels, files_as_they_were_published) {
  if (assets().empty()) GTEST_SKIP() << "KVREEL_TEST_ASSETS is not set";
  const ModelConfig llama = read_model_config(assets() / "tokenizers/llama-3");
  EXPECT_EQ(llama.layers, 28);
  EXPECT_EQ(llama.rope.factor, 32);
  EXPECT_EQ(llama.eos_ids, (std::vector<int32_t>{128001, 128008, 128009}));
  EXPECT_EQ(llama.parameters(), 3'212'749'824);
  const ModelConfig qwen = read_model_config(assets() / "tokenizers/qwen2.5");
  EXPECT_EQ(qwen.parameters(), 7'615'616'512);
  EXPECT_EQ(qwen.eos_ids, (std::vector<int32_t>{151645, 151643}));  // generation_config.json's
  EXPECT_EQ(qwen.bos_ids, std::vector<int32_t>{151643});
  const ModelConfig stories = read_model_config(assets() / "models/stories260K");
  EXPECT_EQ(stories.head_dim, 8);
  EXPECT_EQ(stories.stored_dtype, DType::f32);
}

}  // namespace
}  // namespace kvreel::engine
