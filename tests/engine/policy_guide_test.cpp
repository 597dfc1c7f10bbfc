// The worked example of docs/policies.md: it is compiled into this program, the guide shows it as
// it is, and it does what the guide says.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "engine/policy/registry.h"
#include "engine/support.h"

namespace kvreel::engine {

PolicyInfo value_norm_policy();  // docs/examples/value_norm.cpp

namespace {

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

// Host memory whose value of a row is what the test says.
class ValueMemory final : public KvMemory {
 public:
  explicit ValueMemory(std::vector<float> values) : values_(std::move(values)) {}
  void* allocate(size_t bytes) override { return std::malloc(bytes); }
  void release(void* page, size_t) override { std::free(page); }
  void compact(const kernels::PageLayout&, std::span<void* const>,
               std::span<const int64_t>) override {}
  void read(const kernels::PageLayout&, std::span<void* const>, int64_t first, int64_t count,
            float* keys, float* values) override {
    ASSERT_EQ(keys, nullptr);
    for (int64_t i = 0; i < count; ++i) values[i] = values_[static_cast<size_t>(first + i)];
  }

 private:
  std::vector<float> values_;
};

TEST(PolicyGuide, ShowsTheExampleThatIsCompiled) {
  const std::string root = KVREEL_SOURCE_DIR;
  const std::string example = slurp(root + "/docs/examples/value_norm.cpp");
  ASSERT_FALSE(example.empty());
  EXPECT_NE(slurp(root + "/docs/policies.md").find("```cpp\n" + example + "```\n"),
            std::string::npos)
      << "docs/policies.md does not hold docs/examples/value_norm.cpp as it is; copy it there";
}

TEST(PolicyGuide, TheExampleEvictsTheShortestValues) {
  const PolicyInfo info = value_norm_policy();
  PolicyOptions options("value-norm", {{"budget", "5"}, {"sinks", "1"}, {"recent", "2"}});
  const std::unique_ptr<Policy> policy = info.make(options);
  options.finish();

  // Positions 1 to 5 are candidates; two of eight stay beside the sink and the two newest.
  ValueMemory memory({0, -3, 1, 5, -2, 4, 0, 0});
  KvCache cache({.layers = 1, .kv_heads = 1, .page = {.page_rows = 4, .head_dim = 1}}, memory);
  cache.extend(0, 0, 8);
  ModelConfig config;
  config.layers = config.q_heads = config.kv_heads = config.head_dim = 1;
  const DecisionPoint point{.layer = 0, .layers = 1, .prompt_tokens = 8};
  const AttentionStatistics none;
  const std::vector<Decision> decisions =
      policy->decide({.point = point, .config = config, .cache = cache, .statistics = none});
  ASSERT_EQ(decisions.size(), 1u);
  EXPECT_EQ(*decisions[0].ranking, (std::vector<int32_t>{2, 4, 1, 5, 3}));
  EXPECT_EQ(decisions[0].kept, KeptSet::of({0, 3, 5, 6, 7}));
  EXPECT_EQ(decisions[0].reason, Reason::fixed_budget);
}

TEST(PolicyGuide, TheExampleRefusesLayersThatTheModelLacks) {
  const PolicyInfo info = value_norm_policy();
  PolicyOptions options("value-norm", {{"layer-budgets", "0-1@100%+7@5"}});
  const std::unique_ptr<Policy> policy = info.make(options);
  ModelConfig config;
  config.layers = 4;
  const std::string error = testing::error_of([&] { policy->check(config); });
  EXPECT_NE(error.find("layer 7"), std::string::npos) << error;
  EXPECT_NE(error.find("0 to 3"), std::string::npos) << error;
}

}  // namespace
}  // namespace kvreel::engine
