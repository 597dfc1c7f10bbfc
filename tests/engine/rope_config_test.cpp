// The rotary keys of config.json, and what is refused of them.
#include <gtest/gtest.h>

#include "engine/model/config.h"
#include "engine/model_configs.h"

namespace kvreel::engine {
namespace {

using namespace test;

TEST(RopeKeys, yarn_options_are_read) {
  const ModelConfig config = read(with(qwen2_7b(), {{"rope_scaling",
                                                     {{"rope_type", "yarn"},
                                                      {"factor", 2},
                                                      {"original_max_position_embeddings", 100},
                                                      {"beta_fast", 16},
                                                      {"beta_slow", 2.5},
                                                      {"attention_factor", 0.5},
                                                      {"truncate", false}}}}));
  EXPECT_EQ(config.rope.beta_fast, 16);
  EXPECT_EQ(config.rope.beta_slow, 2.5);
  EXPECT_EQ(config.rope.attention_factor, 0.5);
  EXPECT_FALSE(config.rope.truncate);
  EXPECT_EQ(config.rope.original_max_positions, 100);
}

TEST(RopeKeys, yarn_without_original_positions_takes_max_position_embeddings) {
  const json scaling = {{"rope_type", "yarn"}, {"factor", 2}};
  EXPECT_EQ(read(with(qwen2_7b(), {{"rope_scaling", scaling}})).rope.original_max_positions,
            131072);
  EXPECT_EQ(
      read(with(qwen2_7b(), {{"rope_scaling", scaling}, {"original_max_position_embeddings", 77}}))
          .rope.original_max_positions,
      77);
}

TEST(RopeKeys, refuses_scalings_that_are_not_computed) {
  for (const char* type : {"dynamic", "longrope", "su", "mrope", "proportional"}) {
    EXPECT_TRUE(
        contains(refusal(with(llama2_7b(), {{"rope_scaling", {{"type", type}, {"factor", 2.0}}}})),
                 {std::string("'rope_scaling.type' is \"") + type + "\"", "yarn"}));
    EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"rope_parameters", {{"rope_type", type}}}})),
                         {std::string("'rope_parameters.rope_type' is \"") + type + "\""}));
  }
}

TEST(RopeKeys, refuses_values_without_a_meaning) {
  const auto scaled = [](const json& changes) {
    return refusal(with(llama31_8b(), {{"rope_scaling", with(llama3_scaling(8), changes)}}));
  };
  EXPECT_TRUE(contains(scaled({{"factor", 0.5}}), {"'rope_scaling.factor' is 0.5"}));
  EXPECT_TRUE(contains(scaled({{"factor", "8"}}), {"'rope_scaling.factor' is \"8\""}));
  EXPECT_TRUE(contains(scaled({{"factor", "absent"}}), {"no key 'rope_scaling.factor'"}));
  EXPECT_TRUE(contains(scaled({{"low_freq_factor", 0}}), {"'rope_scaling.low_freq_factor' is 0"}));
  EXPECT_TRUE(contains(scaled({{"low_freq_factor", "absent"}}), {"low_freq_factor"}));
  EXPECT_TRUE(
      contains(scaled({{"high_freq_factor", 1.0}}), {"'rope_scaling.high_freq_factor' is 1"}));
  EXPECT_TRUE(contains(scaled({{"original_max_position_embeddings", "absent"}}),
                       {"original_max_position_embeddings", "8192"}));
  EXPECT_TRUE(contains(scaled({{"original_max_position_embeddings", 0}}),
                       {"'rope_scaling.original_max_position_embeddings' is 0"}));
  EXPECT_TRUE(
      contains(scaled({{"type", "linear"}}), {"'rope_scaling.type' is \"linear\"", "llama3"}));
  EXPECT_TRUE(contains(scaled({{"beta_fast", 32}}), {"'rope_scaling.beta_fast' is 32", "llama3"}));
  EXPECT_TRUE(
      contains(scaled({{"partial_rotary_factor", 0.5}}), {"partial_rotary_factor' is 0.5"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"rope_scaling", "linear"}})),
                       {"'rope_scaling' is \"linear\"", "object"}));
  EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"rope_scaling", {{"factor", 4.0}}}})),
                       {"'rope_scaling.factor' is 4.0", "default"}));
  for (const json& theta : {json(0), json(-10000.0), json(1), json("10000")}) {
    EXPECT_TRUE(contains(refusal(with(llama2_7b(), {{"rope_theta", theta}})),
                         {"'rope_theta' is " + theta.dump()}));
  }
}

TEST(RopeKeys, refuses_yarn_that_kvreel_does_not_compute) {
  const auto yarn = [](const json& changes) {
    json scaling = {
        {"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 4096}};
    return refusal(with(llama2_7b(), {{"rope_scaling", with(scaling, changes)}}));
  };
  EXPECT_TRUE(contains(yarn({{"mscale", 1.0}}), {"'rope_scaling.mscale' is 1.0"}));
  EXPECT_TRUE(contains(yarn({{"mscale_all_dim", 0.7}}), {"'rope_scaling.mscale_all_dim' is 0.7"}));
  EXPECT_TRUE(contains(yarn({{"beta_fast", 0}}), {"'rope_scaling.beta_fast' is 0"}));
  EXPECT_TRUE(
      contains(yarn({{"beta_fast", 0.5}}), {"'rope_scaling.beta_fast' is 0.5", "beta_slow"}));
  EXPECT_TRUE(contains(yarn({{"attention_factor", -1.0}}), {"'rope_scaling.attention_factor'"}));
  // Where the formulas would leave the range of numbers.
  EXPECT_TRUE(contains(yarn({{"beta_fast", 1e-308}, {"beta_slow", 1e-308}}),
                       {"'rope_scaling.beta_fast' is 1e-308", "from 0.000001 to 1000000"}));
  EXPECT_TRUE(contains(yarn({{"attention_factor", 1e300}}), {"from 0.000001 to 1000000"}));
  EXPECT_TRUE(contains(yarn({{"truncate", "yes"}}), {"'rope_scaling.truncate' is \"yes\""}));
}

TEST(RopeKeys, refuses_forms_that_disagree) {
  EXPECT_TRUE(contains(refusal(with(llama31_8b(), {{"rope_parameters", llama3_scaling(4)}})),
                       {"'rope_scaling'", "'rope_parameters'", "disagree"}));
  json same = with(llama31_8b(), {{"rope_parameters", llama3_scaling(8)}});
  EXPECT_EQ(read(same).rope.factor, 8);
  EXPECT_TRUE(contains(
      refusal(with(llama3_8b(),
                   {{"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 10000}}}})),
      {"'rope_parameters.rope_theta' is 10000", "500000"}));
  EXPECT_TRUE(contains(refusal(with(llama31_8b(), {{"original_max_position_embeddings", 4096}})),
                       {"'rope_scaling.original_max_position_embeddings' is 8192", "4096"}));
}

TEST(RopeKeys, an_empty_scaling_is_none) {
  EXPECT_EQ(read(with(llama2_7b(), {{"rope_scaling", json::object()}})).rope.type,
            RopeType::standard);
}

}  // namespace
}  // namespace kvreel::engine
