// config.json: sizes, biases, windows, dtypes and token ids, and what is refused.
#include <gtest/gtest.h>

#include "engine/model/config.h"
#include "engine/model_configs.h"

namespace kvreel::engine {
namespace {

using namespace test;
using kernels::DType;

TEST(Config, every_fixture_model_is_read) {
  int models = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(KVREEL_SOURCE_DIR "/tests/fixtures/models")) {
    if (!std::filesystem::exists(entry.path() / "config.json")) continue;
    SCOPED_TRACE(entry.path().string());
    EXPECT_GT(read_model_config(entry.path()).parameters(), 0);
    ++models;
  }
  EXPECT_GT(models, 0);
}

TEST(Config, model_type_alone_is_enough_and_architectures_alone_too) {
  EXPECT_EQ(read(with(qwen2_7b(), {{"architectures", "absent"}})).family, "qwen2");
  EXPECT_EQ(read(with(qwen2_7b(), {{"model_type", "absent"}})).family, "qwen2");
}

TEST(Config, refuses_architectures_by_name_and_says_which_are_supported) {
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"architectures", {"GemmaForCausalLM"}}})),
                       {"'architectures' is [\"GemmaForCausalLM\"]",
                        "LlamaForCausalLM, MistralForCausalLM, "
                        "Qwen2ForCausalLM"}));
  EXPECT_TRUE(
      contains(refusal(with(llama2_7b(), {{"architectures", "absent"}, {"model_type", "phi3"}})),
               {"'model_type' is \"phi3\"", "supported are"}));
  EXPECT_TRUE(
      contains(refusal(with(llama2_7b(), {{"architectures", "absent"}, {"model_type", "absent"}})),
               {"no key 'architectures'"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"model_type", "qwen2"}})),
                       {"'model_type' is \"qwen2\"", "LlamaForCausalLM"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"architectures", json::array()}})),
                       {"'architectures' is []"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"architectures", {{"LlamaForCausalLM", 3}}}})),
                       {"'architectures'"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"architectures", "LlamaForCausalLM"}})),
                       {"'architectures' is \"LlamaForCausalLM\"", "list"}));
}

TEST(Config, needs_every_size) {
  for (const char* key : {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                          "num_attention_heads", "max_position_embeddings", "rms_norm_eps"}) {
    EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{key, "absent"}})),
                         {std::string("no key '") + key + "'"}));
    EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{key, nullptr}})),
                         {std::string("no key '") + key + "'"}));
  }
}

TEST(Config, names_file_key_and_value_of_a_wrong_type_or_range) {
  for (const char* key :
       {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "num_key_value_heads", "max_position_embeddings", "head_dim"}) {
    for (const json& value :
         {json("32"), json(32.0), json(-1), json(0), json(true), json::array({1}), json::object(),
          json(INT64_MAX), json(UINT64_MAX)}) {
      EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{key, value}})),
                           {std::string("key '") + key + "' is " + value.dump(), "integer"}));
    }
  }
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"rms_norm_eps", "1e-5"}})),
                       {"'rms_norm_eps' is \"1e-5\"", "number"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"rms_norm_eps", 0}})), {"'rms_norm_eps' is 0"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"rms_norm_eps", -1e-5}})), {"'rms_norm_eps'"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"rms_norm_eps", 1e-60}})), {"'rms_norm_eps'"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"tie_word_embeddings", 1}})),
                       {"'tie_word_embeddings' is 1", "true or false"}));
  EXPECT_TRUE(
      contains(refusal(with(llama2_7b(), {{"hidden_act", 1}})), {"'hidden_act' is 1", "string"}));
}

TEST(Config, refuses_heads_that_do_not_fit) {
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"num_key_value_heads", 5}})),
                       {"'num_key_value_heads' is 5", "divide", "32"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"num_key_value_heads", 64}})),
                       {"'num_key_value_heads' is 64"}));
  EXPECT_TRUE(contains(
      refusal(with(llama2_7b(), {{"num_attention_heads", 33}, {"num_key_value_heads", 33}})),
      {"'num_attention_heads' is 33", "4096"}));
  EXPECT_TRUE(
      contains(refusal(with(llama2_7b(), {{"head_dim", 127}})), {"'head_dim' is 127", "even"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"hidden_size", 96}})),
                       {"'num_attention_heads'", "heads of 3"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"num_attention_heads", 16384},
                                                  {"num_key_value_heads", 1},
                                                  {"head_dim", 4096}})),
                       {"'head_dim'", "67108864"}));
}

TEST(Config, kv_heads_default_to_all_heads_in_llama_only) {
  EXPECT_EQ(read(with(llama2_7b(), {{"num_key_value_heads", "absent"}})).kv_heads, 32);
  EXPECT_EQ(read(with(mistral_v01(), {{"num_key_value_heads", nullptr}})).kv_heads, 32);
  EXPECT_TRUE(contains(refusal(with(mistral_v01(), {{"num_key_value_heads", "absent"}})),
                       {"no key 'num_key_value_heads'"}));
  EXPECT_TRUE(contains(refusal(with(qwen2_7b(), {{"num_key_value_heads", "absent"}})),
                       {"no key 'num_key_value_heads'"}));
}

TEST(Config, the_largest_sizes_that_are_allowed_do_not_overflow) {
  const ModelConfig config = read(with(llama2_7b(), {{"vocab_size", 1 << 24},
                                                     {"hidden_size", 1 << 20},
                                                     {"intermediate_size", 1 << 22},
                                                     {"num_hidden_layers", 1 << 12},
                                                     {"num_attention_heads", 1 << 14},
                                                     {"num_key_value_heads", 1 << 14},
                                                     {"head_dim", 64}}));
  EXPECT_GT(config.parameters(), int64_t(1) << 55);
  EXPECT_LT(config.parameters(), INT64_MAX / 8);
}

TEST(Config, refuses_other_activations) {
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"hidden_act", "gelu"}})),
                       {"'hidden_act' is \"gelu\"", "silu"}));
}

TEST(Config, llama_biases_follow_their_two_keys) {
  const ModelConfig attention = read(with(llama3_8b(), {{"attention_bias", true}}));
  EXPECT_TRUE(attention.qkv_bias);
  EXPECT_TRUE(attention.attn_out_bias);
  EXPECT_FALSE(attention.mlp_bias);
  const ModelConfig mlp = read(with(llama3_8b(), {{"mlp_bias", true}}));
  EXPECT_FALSE(mlp.qkv_bias || mlp.attn_out_bias);
  EXPECT_TRUE(mlp.mlp_bias);
  EXPECT_EQ(mlp.parameters() - read(llama3_8b()).parameters(), 32 * (2 * 14336 + 4096));
  EXPECT_EQ(attention.parameters() - read(llama3_8b()).parameters(), 32 * (4096 + 2 * 1024 + 4096));
}

TEST(Config, refuses_biases_that_contradict_the_family) {
  EXPECT_TRUE(contains(refusal(with(qwen2_7b(), {{"attention_bias", false}})),
                       {"'attention_bias' is false", "qwen2"}));
  EXPECT_TRUE(read(with(qwen2_7b(), {{"attention_bias", true}})).qkv_bias);
  EXPECT_TRUE(
      contains(refusal(with(mistral_v01(), {{"attention_bias", true}})), {"'attention_bias'"}));
  EXPECT_TRUE(contains(refusal(with(mistral_v01(), {{"mlp_bias", true}})), {"'mlp_bias' is true"}));
  EXPECT_TRUE(contains(refusal(with(llama3_8b(), {{"attention_bias", "no"}})), {"true or false"}));
}

TEST(Windows, a_mistral_file_without_the_key_has_4096) {
  EXPECT_EQ(read(with(mistral_v01(), {{"sliding_window", "absent"}})).windows, windows(32, 4096));
  EXPECT_EQ(read(with(mistral_v01(), {{"sliding_window", nullptr}})).windows, windows(32, 0));
}

TEST(Windows, qwen2_counts_from_max_window_layers) {
  const json used = {
      {"use_sliding_window", true}, {"sliding_window", 4096}, {"max_window_layers", 21}};
  std::vector<int64_t> expected = windows(28, 0);
  for (size_t layer = 21; layer < 28; ++layer) expected[layer] = 4096;
  EXPECT_EQ(read(with(qwen2_7b(), used)).windows, expected);
  EXPECT_EQ(read(with(with(qwen2_7b(), used), {{"max_window_layers", 0}})).windows,
            windows(28, 4096));
  EXPECT_EQ(read(with(with(qwen2_7b(), used), {{"max_window_layers", 28}})).windows,
            windows(28, 0));
  EXPECT_EQ(read(with(with(qwen2_7b(), used), {{"sliding_window", nullptr}})).windows,
            windows(28, 0));
  EXPECT_TRUE(contains(refusal(with(with(qwen2_7b(), used), {{"sliding_window", "absent"}})),
                       {"no key 'sliding_window'"}));
  EXPECT_TRUE(contains(refusal(with(with(qwen2_7b(), used), {{"max_window_layers", "absent"}})),
                       {"no key 'max_window_layers'"}));
}

TEST(Windows, qwen2_layer_types_win_over_max_window_layers) {
  std::vector<std::string> types(28, "full_attention");
  types[3] = "sliding_attention";
  const json changes = {
      {"use_sliding_window", true}, {"sliding_window", 64}, {"layer_types", types}};
  std::vector<int64_t> expected = windows(28, 0);
  expected[3] = 64;
  EXPECT_EQ(read(with(qwen2_7b(), changes)).windows, expected);
  EXPECT_TRUE(contains(refusal(with(with(qwen2_7b(), changes), {{"use_sliding_window", false}})),
                       {"'layer_types'", "without a window"}));
}

TEST(Windows, refuses_layer_types_that_are_wrong) {
  std::vector<std::string> types(31, "full_attention");
  EXPECT_TRUE(contains(refusal(with(llama3_8b(), {{"layer_types", types}})),
                       {"'layer_types'", "32 names"}));
  types.push_back("chunked_attention");
  EXPECT_TRUE(contains(refusal(with(llama3_8b(), {{"layer_types", types}})),
                       {"layer 31 is \"chunked_attention\""}));
  types.back() = "sliding_attention";
  EXPECT_TRUE(
      contains(refusal(with(llama3_8b(), {{"layer_types", types}})), {"sliding_attention"}));
  EXPECT_TRUE(contains(refusal(with(mistral_v01(), {{"layer_types", types}})),
                       {"'layer_types'", "the window 4096"}));
  EXPECT_TRUE(contains(refusal(with(mistral_v02(), {{"layer_types", types}})), {"no window"}));
  types.back() = "full_attention";
  EXPECT_EQ(read(with(mistral_v02(), {{"layer_types", types}})).windows, windows(32, 0));
  EXPECT_EQ(read(with(mistral_v01(),
                      {{"layer_types", std::vector<std::string>(32, "sliding_attention")}}))
                .windows,
            windows(32, 4096));
}

TEST(Windows, refuses_windows_without_a_meaning) {
  EXPECT_TRUE(
      contains(refusal(with(mistral_v01(), {{"sliding_window", 0}})), {"'sliding_window' is 0"}));
  EXPECT_TRUE(
      contains(refusal(with(mistral_v01(), {{"sliding_window", -1}})), {"'sliding_window' is -1"}));
  EXPECT_TRUE(
      contains(refusal(with(mistral_v01(), {{"sliding_window", "4096"}})), {"'sliding_window'"}));
  EXPECT_TRUE(contains(refusal(with(mistral_v01(), {{"use_sliding_window", false}})),
                       {"'use_sliding_window' is false", "4096"}));
  EXPECT_TRUE(contains(refusal(with(llama3_8b(), {{"sliding_window", 4096}})),
                       {"'sliding_window' is 4096", "LlamaForCausalLM"}));
}

TEST(Config, reads_the_stored_dtype_in_both_forms) {
  EXPECT_EQ(read(with(llama2_7b(), {{"torch_dtype", "absent"}})).stored_dtype, DType::f32);
  EXPECT_EQ(read(with(llama2_7b(), {{"torch_dtype", "absent"}, {"dtype", "float16"}})).stored_dtype,
            DType::f16);
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"torch_dtype", "float64"}})),
                       {"'torch_dtype' is \"float64\"", "bfloat16"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"dtype", "bfloat16"}})),
                       {"'dtype' is \"bfloat16\"", "float16"}));
}

TEST(Config, generation_config_overrides_the_stop_ids) {
  EXPECT_EQ(read(llama2_7b(), {{"eos_token_id", {5, 6}}}).eos_ids, (std::vector<int32_t>{5, 6}));
  EXPECT_EQ(read(llama2_7b(), {{"eos_token_id", 7}}).eos_ids, std::vector<int32_t>{7});
  EXPECT_EQ(read(llama2_7b(), {{"eos_token_id", nullptr}}).eos_ids, std::vector<int32_t>{2});
  EXPECT_EQ(read(llama2_7b(), {{"temperature", 0.5}}).eos_ids, std::vector<int32_t>{2});
  EXPECT_TRUE(read(with(llama2_7b(), {{"eos_token_id", nullptr}, {"bos_token_id", "absent"}}))
                  .eos_ids.empty());
  EXPECT_TRUE(read(with(llama2_7b(), {{"bos_token_id", "absent"}})).bos_ids.empty());
}

TEST(Config, refuses_token_ids_outside_the_vocabulary) {
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"eos_token_id", 32000}})),
                       {"'eos_token_id' is 32000", "31999"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"eos_token_id", {2, -1}}})),
                       {"'eos_token_id' is [2,-1]"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"bos_token_id", "<s>"}})),
                       {"'bos_token_id' is \"<s>\""}));
  EXPECT_TRUE(contains(refusal(llama2_7b(), {{"eos_token_id", 2.5}}),
                       {"generation_config.json'", "'eos_token_id' is 2.5"}));
}

TEST(ConfigFile, says_what_is_wrong_with_the_directory) {
  const TempDirectory directory;
  EXPECT_TRUE(contains(error_of([&] { read_model_config(directory / "none"); }),
                       {(directory / "none").string(), "not a directory"}));
  EXPECT_TRUE(contains(error_of([&] { read_model_config(directory.path()); }),
                       {directory.path().string(), "no config.json"}));
  std::filesystem::create_directory(directory / "config.json");
  EXPECT_TRUE(contains(error_of([&] { read_model_config(directory.path()); }),
                       {(directory / "config.json").string(), "not a file"}));
}

TEST(ConfigFile, says_what_is_wrong_with_the_json) {
  const TempDirectory directory;
  const auto error = [&](const std::string& text) {
    directory.write("config.json", text);
    const std::string message = error_of([&] { read_model_config(directory.path()); });
    EXPECT_TRUE(contains(message, {(directory / "config.json").string()}));
    return message;
  };
  EXPECT_TRUE(contains(error(""), {"not valid JSON"}));
  EXPECT_TRUE(contains(error("{\n\"a\": }"), {"not valid JSON", "line 2"}));
  EXPECT_TRUE(contains(error("[1]"), {"[1]", "object"}));
  EXPECT_TRUE(contains(error(R"({"vocab_size":1,"vocab_size":2})"), {"\"vocab_size\" twice"}));
  EXPECT_TRUE(contains(error(std::string(100000, '[')), {"deeper than 64"}));
  EXPECT_TRUE(contains(error("{\"a\":1e400}"), {"not valid JSON"}));
}

TEST(ConfigFile, a_damaged_generation_config_is_an_error) {
  const TempDirectory directory;
  directory.write("config.json", llama2_7b());
  directory.write("generation_config.json", std::string("{"));
  EXPECT_TRUE(contains(error_of([&] { read_model_config(directory.path()); }),
                       {"generation_config.json' is not valid JSON"}));
}

}  // namespace
}  // namespace kvreel::engine
