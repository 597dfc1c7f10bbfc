// Logits, greedy ids and attention norms against models run by Hugging Face transformers and by
// others, in fp32.
#include <algorithm>
#include <cmath>

#include "engine/generate/forward.h"
#include "engine/policy/registry.h"
#include "engine/support.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;
using namespace testing;

// A model, ready to run on every instruction set of this machine.
struct Engine {
  explicit Engine(const std::filesystem::path& directory) : model(load_model(directory, {})) {}

  // Prefill only: logits of the last prompt token.
  std::vector<float> logits(const std::vector<int32_t>& ids, const CpuOptions& options,
                            RememberingObserver& observer) {
    CpuBackend backend(model.config, model.weights, options);
    const auto full = make_policy({.text = "full", .name = "full", .options = {}});
    KvCache cache(
        {.layers = model.config.layers,
         .kv_heads = model.config.kv_heads,
         .page = {.dtype = kernels::DType::f32, .page_rows = 8, .head_dim = model.config.head_dim}},
        backend.kv_memory());
    const ForwardResult result = forward({.backend = backend,
                                          .cache = cache,
                                          .policy = *full,
                                          .observer = observer,
                                          .config = model.config,
                                          .prompt_tokens = static_cast<int64_t>(ids.size())},
                                         {}, ids, 0);
    return {result.logits.begin(), result.logits.end()};
  }

  std::vector<int32_t> greedy(const std::vector<int32_t>& ids, int64_t count,
                              const CpuOptions& options) {
    CpuBackend backend(model.config, model.weights, options);
    const auto full = make_policy({.text = "full", .name = "full", .options = {}});
    RememberingObserver observer;
    return run_pass(model.config, backend, nullptr, sample_of(ids), *full,
                    {.max_new_tokens = count}, 0, 0, observer, never_stop())
        .tokens;
  }

  Model model;
};

double largest_difference(const std::vector<float>& ours, const json& theirs) {
  EXPECT_EQ(ours.size(), theirs.size());
  double largest = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    largest = std::max(largest, std::abs(ours[i] - theirs[i].get<double>()));
  }
  return largest;
}

// Both sides compute in fp32 and sum in different orders; their own distance from fp64 is written
// in the fixtures (float32_error, below 2e-5). 1e-4 is what is promised.
constexpr double kTolerance = 1e-4;

void expect_parity(Engine& engine, const json& expected, const char* ids_key) {
  for (const kernels::cpu::Isa isa : kernels::cpu::available_isas()) {
    // Chunks of 7 rows cut every prompt in odd places.
    for (const int64_t chunk : {7, 256}) {
      const CpuOptions options{.threads = 2, .choose_isa = false, .isa = isa, .chunk_rows = chunk};
      for (const json& prompt : expected.at("prompts")) {
        RememberingObserver observer;
        const auto ids = prompt.at(ids_key).get<std::vector<int32_t>>();
        EXPECT_LT(largest_difference(engine.logits(ids, options, observer), prompt.at("logits")),
                  kTolerance)
            << name_of(isa) << ", " << ids.size() << " tokens, chunks of " << chunk;
        const auto greedy = prompt.at("greedy").get<std::vector<int32_t>>();
        EXPECT_EQ(engine.greedy(ids, static_cast<int64_t>(greedy.size()), options), greedy)
            << name_of(isa) << ", " << ids.size() << " tokens";
      }
    }
  }
}

class TransformersParity : public ::testing::TestWithParam<std::string> {};

TEST_P(TransformersParity, LogitsAndGreedyIdsAgree) {
  const std::filesystem::path directory = fixtures() / "models" / GetParam();
  Engine engine(directory);
  expect_parity(engine, read_json(directory / "expected.json"), "ids");
}

INSTANTIATE_TEST_SUITE_P(Models, TransformersParity,
                         ::testing::Values("llama2", "llama31", "llama32", "llama_bias",
                                           "llama_linear", "llama_sharded", "mistral_head_dim",
                                           "mistral_window", "qwen2_14x2", "qwen2_group7",
                                           "qwen2_window", "qwen2_yarn"),
                         [](const auto& test) { return test.param; });

TEST(DemoModelParity, LogitsGreedyIdsAndRowNormsAgree) {
  Engine engine(demo_model());
  const json expected = read_json(fixtures() / "demo-model" / "expected.json");
  expect_parity(engine, expected, "prompt_ids");
  for (const json& prompt : expected.at("prompts")) {
    RememberingObserver observer;
    observer.request = {.last_rows = 1, .row_norms = true, .row_entropy = true};
    engine.logits(prompt.at("prompt_ids").get<std::vector<int32_t>>(), {}, observer);
    ASSERT_EQ(observer.norms.size(), prompt.at("row_norms").size());
    for (size_t layer = 0; layer < observer.norms.size(); ++layer) {
      for (size_t head = 0; head < observer.norms[layer].size(); ++head) {
        const double norm = prompt["row_norms"][layer][head];
        EXPECT_NEAR(observer.norms[layer][head].last_row, norm, 1e-4)
            << "layer " << layer << " head " << head;
        const std::span<const float> row =
            observer.statistics[layer].row(static_cast<int64_t>(head), 0);
        double without_sinks = 0;
        for (size_t key = 4; key < row.size(); ++key) without_sinks += double(row[key]) * row[key];
        EXPECT_NEAR(std::sqrt(without_sinks),
                    prompt["row_norms_without_sinks"][layer][head].get<double>(), 1e-4);
      }
    }
  }
}

TEST(Stories260K, LogitsAndGreedyIdsEqualTheGoldens) {
  if (test_assets().empty()) GTEST_SKIP() << "KVREEL_TEST_ASSETS is not set";
  const std::filesystem::path directory = test_assets() / "models" / "stories260K";
  Engine engine(directory);
  const json goldens = read_json(directory / "goldens.json");
  ASSERT_EQ(goldens.at("cases").size(), 4u);
  for (const kernels::cpu::Isa isa : kernels::cpu::available_isas()) {
    const CpuOptions options{.threads = 2, .choose_isa = false, .isa = isa};
    for (const json& golden : goldens["cases"]) {
      const auto ids = golden.at("prompt_ids").get<std::vector<int32_t>>();
      RememberingObserver observer;
      EXPECT_LT(largest_difference(engine.logits(ids, options, observer),
                                   golden.at("logits_after_prompt")),
                kTolerance);
      auto greedy = golden.at("greedy_ids").get<std::vector<int32_t>>();
      EXPECT_EQ(engine.greedy(ids, static_cast<int64_t>(greedy.size()), options), greedy)
          << golden["prompt"];
      EXPECT_EQ(engine.model.tokenizer->encode(golden["prompt"].get<std::string>(), true), ids);
    }
  }
}

}  // namespace
}  // namespace kvreel::engine
