// Rotary frequencies and tables against those of Hugging Face transformers.
#include "engine/model/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/temp_model.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;

// transformers works in fp32: theta^(2i/d) of a rounded exponent (relative error 2^-24 * ln theta,
// at most 8.3e-7 for theta = 10^6), then a power, a reciprocal and up to five more operations, each
// within about 2^-24.
constexpr double kFp32Frequency = 1.5e-6;

const json& fixtures() {
  static const json value = [] {
    std::ifstream file(KVREEL_SOURCE_DIR "/tests/fixtures/rope/rope.json");
    return json::parse(file);
  }();
  return value;
}

json base_config(const json& fixture) {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"vocab_size", 100},
          {"hidden_size", 64},
          {"intermediate_size", 96},
          {"num_hidden_layers", 1},
          {"num_attention_heads", 2},
          {"rms_norm_eps", 1e-6},
          {"head_dim", fixture["head_dim"]},
          {"max_position_embeddings", fixture["max_position_embeddings"]}};
}

RopeConfig read_rope(const json& config) {
  const test::TempDirectory directory;
  directory.write("config.json", config);
  return read_model_config(directory.path()).rope;
}

RopeConfig read_old_form(const json& fixture) {
  json config = base_config(fixture);
  config["rope_theta"] = fixture["rope_theta"];
  config["rope_scaling"] = fixture["rope_scaling"];
  return read_rope(config);
}

RopeConfig read_new_form(const json& fixture) {
  json config = base_config(fixture);
  config["rope_parameters"] = fixture["rope_parameters"];
  return read_rope(config);
}

TEST(Rope, frequencies_agree_with_transformers_in_both_forms_of_config) {
  ASSERT_EQ(fixtures()["cases"].size(), 17u);
  for (const json& fixture : fixtures()["cases"]) {
    SCOPED_TRACE(fixture["name"]);
    for (const RopeConfig& rope : {read_old_form(fixture), read_new_form(fixture)}) {
      const auto frequencies = rope_inverse_frequencies(rope, fixture["head_dim"]);
      const auto expected = fixture["inv_freq"].get<std::vector<double>>();
      ASSERT_EQ(frequencies.size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_NEAR(frequencies[i], expected[i], kFp32Frequency * expected[i]) << "pair " << i;
      }
      // Both are double; ln and one multiplication may differ in the last bits.
      EXPECT_NEAR(rope.attention_factor, fixture["attention_factor"].get<double>(), 1e-14);
    }
  }
}

TEST(Rope, tables_agree_with_transformers) {
  const auto positions = fixtures()["positions"].get<std::vector<int64_t>>();
  for (const json& fixture : fixtures()["cases"]) {
    SCOPED_TRACE(fixture["name"]);
    const int head_dim = fixture["head_dim"];
    const RopeConfig rope = read_old_form(fixture);
    const RopeTable table = make_rope_table(rope, head_dim, positions.back() + 1);
    const auto frequencies = rope_inverse_frequencies(rope, head_dim);
    const size_t pairs = frequencies.size();
    ASSERT_EQ(table.cos.size(), size_t(positions.back() + 1) * pairs);
    ASSERT_EQ(table.sin.size(), table.cos.size());
    for (size_t p = 0; p < positions.size(); ++p) {
      for (size_t i = 0; i < pairs; ++i) {
        // The reference's angle has its frequency's error and one rounding more; cos and sin have
        // slope 1.
        const double angle = double(positions[p]) * frequencies[i];
        const double tolerance = 1.5 * (angle * (kFp32Frequency + 6e-8) + 2e-7);
        const size_t at = size_t(positions[p]) * pairs + i;
        EXPECT_NEAR(table.cos[at], fixture["cos"][p][i].get<double>(), tolerance)
            << "position " << positions[p] << ", pair " << i;
        EXPECT_NEAR(table.sin[at], fixture["sin"][p][i].get<double>(), tolerance)
            << "position " << positions[p] << ", pair " << i;
      }
    }
  }
}

TEST(Rope, yarn_without_truncation_differs_from_yarn_with_it) {
  RopeConfig rope;
  rope.type = RopeType::yarn;
  rope.theta = 1000000;
  rope.factor = 4;
  rope.original_max_positions = 32768;
  const auto truncated = rope_inverse_frequencies(rope, 128);
  rope.truncate = false;
  const auto exact = rope_inverse_frequencies(rope, 128);
  double largest = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    largest = std::max(largest, std::abs(exact[i] / truncated[i] - 1));
  }
  EXPECT_GT(largest, 0.001);  // else the two fixtures above would prove nothing
}

TEST(Rope, llama3_keeps_short_waves_and_divides_long_ones_by_the_factor) {
  RopeConfig rope;
  rope.theta = 500000;
  const auto plain = rope_inverse_frequencies(rope, 128);
  rope.type = RopeType::llama3;
  rope.factor = 8;
  rope.low_freq_factor = 1;
  rope.high_freq_factor = 4;
  rope.original_max_positions = 8192;
  const auto scaled = rope_inverse_frequencies(rope, 128);
  EXPECT_EQ(scaled.front(), plain.front());
  EXPECT_EQ(scaled.back(), plain.back() / 8);
}

TEST(Rope, position_zero_is_the_attention_factor_and_no_turn) {
  RopeConfig rope;
  rope.attention_factor = 1.25;
  const RopeTable table = make_rope_table(rope, 16, 2);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(table.cos[i], 1.25f);
    EXPECT_EQ(table.sin[i], 0.0f);
  }
  EXPECT_FLOAT_EQ(table.cos[8], 1.25f * std::cos(1.0f));
}

TEST(Rope, a_table_of_no_positions_is_empty) {
  EXPECT_TRUE(make_rope_table(RopeConfig{}, 64, 0).cos.empty());
}

}  // namespace
}  // namespace kvreel::engine
