// What a recording is estimated to take.
#include "engine/model/memory_estimate.h"

#include "engine/generate/experiment.h"
#include "engine/support.h"
#include "engine/tiny_weights.h"

namespace kvreel::engine {
namespace {

using testing::contains;
using testing::error_of;

TEST(MemoryEstimate, CountsTheStatisticsThatAreAskedFor) {
  const ModelConfig config = test::tiny_config();
  const StatisticsRequest request{.last_rows = 3,
                                  .row_norms = true,
                                  .row_entropy = true,
                                  .column_sums = true,
                                  .column_square_sums = true,
                                  .last_queries = 5,
                                  .query_moments = true};
  const AttentionStatistics made =
      AttentionStatistics::make(request, config.q_heads, 20, 20, config.head_dim);
  const size_t floats = made.probabilities.size() + made.row_square_sums.size() +
                        made.row_entropy.size() + made.column_sums.size() +
                        made.column_square_sums.size() + made.query_vectors.size();
  const size_t doubles = made.query_sums.size() + made.query_products.size();
  const MemoryEstimate estimate =
      estimate_memory(config, {.longest_prompt = 20, .chunk_rows = 8, .statistics = request});
  EXPECT_EQ(estimate.statistics, floats * sizeof(float) + doubles * sizeof(double));
}

TEST(MemoryEstimate, CountsAnUncutCacheWhereRunsAreMadeFromOne) {
  const ModelConfig config = test::tiny_config();
  const uint64_t row = 2u * 2 * 4 * 4;  // keys and values, KV heads, head_dim, bytes
  const WorkloadShape alone{.longest_prompt = 20, .max_new_tokens = 6, .chunk_rows = 8};
  EXPECT_EQ(estimate_memory(config, alone).cache, 2 * 26 * row);
  WorkloadShape shared = alone;
  shared.sharers = 3;
  EXPECT_EQ(estimate_memory(config, shared).cache, 2 * (26 + 20) * row);
  shared.fidelity_steps = 4;
  EXPECT_EQ(estimate_memory(config, shared).cache, 2 * (26 + 24) * row);
  // Rankings and scores of three runs, two layers and two KV heads.
  EXPECT_EQ(estimate_memory(config, shared).statistics, 3u * 2 * 2 * 20 * 8);
}

TEST(MemoryEstimate, KnowsHowManyRunsShareAPrefill) {
  const std::vector<engine::Run> runs =
      make_runs(std::vector<std::string>{"full", "refreekv:threshold=1%,2%,5%", "streaming-llm"});
  EXPECT_EQ(most_sharers({}, runs), 3);
  EXPECT_EQ(most_sharers({.sharing = PrefillSharing::all}, runs), 5);
  EXPECT_EQ(most_sharers({.sharing = PrefillSharing::none}, runs), 0);
  EXPECT_EQ(most_sharers({.sharing = PrefillSharing::none, .fidelity_steps = 9}, runs), 1);
}

TEST(MemoryEstimate, RefusesWhatDoesNotFitWithWhatToDo) {
  const MemoryEstimate estimate{.weights = 3'000'000'000, .cache = 2'000'000'000};
  require_memory(estimate, 6'000'000'000);
  require_memory(estimate, 0);  // the system does not tell
  const std::string error = error_of([&] { require_memory(estimate, 4'000'000'000); });
  for (const char* part : {"--max-prompt-tokens", "--share-prefill none", "--ignore-memory"}) {
    EXPECT_TRUE(contains(error, part)) << error;
  }
}

}  // namespace
}  // namespace kvreel::engine
