// Policies with fixed budgets: rules worked out by hand, and what must hold on any input.
#include <algorithm>

#include "engine/policy/budget.h"
#include "engine/policy/observation_window.h"
#include "engine/policy/ranked.h"
#include "engine/policy_support.h"

namespace kvreel::engine {
namespace {

using namespace testing;
using Set = std::vector<int32_t>;

// Attention of one row for every query head, the same in each layer: rows[head][position]. Every
// query row has it, cut to its past.
FakePass::Attention rows_of(std::vector<std::vector<double>> rows) {
  return [rows](int, int q_head, int64_t, int32_t position) {
    return rows[static_cast<size_t>(q_head)][static_cast<size_t>(position)];
  };
}
float no_key(int, int, int32_t, int) {
  return 1;
}

PassShape one_layer(int64_t prompt, int kv_heads, int q_heads) {
  return {.layers = 1, .kv_heads = kv_heads, .q_heads = q_heads, .head_dim = 2, .prompt = prompt};
}

// What one prefill keeps of each KV head of layer 0.
std::vector<Set> kept_after_prefill(FakePass pass, int kv_heads) {
  pass.step();
  std::vector<Set> kept;
  for (int head = 0; head < kv_heads; ++head) kept.push_back(pass.held(0, head));
  return kept;
}

std::string refusal(const std::string& spec) {
  return error_of([&] { make_policy(parse_policy_specs(spec).at(0)); });
}

// ---- H2O

// Attention such that row i pays share w[i][j] to key j: sums are of columns.
FakePass::Attention matrix(std::vector<std::vector<double>> w) {
  return [w](int, int, int64_t row, int32_t position) {
    return w[static_cast<size_t>(row)][static_cast<size_t>(position)];
  };
}

TEST(H2o, SumsOverAllRowsAndKeepsTheNewestHalf) {
  // Columns: 1 + .1 + .1 + .1 = 1.3, .9 + .6 + .1 = 1.6, .3 + .5 = .8, .3. Of a budget of 2 one
  // is the newest position and one the heaviest of the others, 1. Last rows alone would say 2.
  const auto attention = matrix({{1, 0, 0, 0}, {.1, .9, 0, 0}, {.1, .6, .3, 0}, {.1, .1, .5, .3}});
  EXPECT_EQ(kept_after_prefill({"h2o:budget=2", one_layer(4, 1, 1), attention, no_key}, 1)[0],
            (Set{1, 3}));
  EXPECT_EQ(
      kept_after_prefill({"h2o:budget=3,recent=1", one_layer(4, 1, 1), attention, no_key}, 1)[0],
      (Set{0, 1, 3}));
  EXPECT_EQ(
      kept_after_prefill({"h2o:budget=2,recent=2", one_layer(4, 1, 1), attention, no_key}, 1)[0],
      (Set{2, 3}));
  EXPECT_EQ(
      kept_after_prefill({"h2o:budget=2,recent=0", one_layer(4, 1, 1), attention, no_key}, 1)[0],
      (Set{0, 1}));
  EXPECT_EQ(
      kept_after_prefill({"h2o:budget=2,sinks=1", one_layer(4, 1, 1), attention, no_key}, 1)[0],
      (Set{0, 3}));
}

TEST(H2o, WithAWindowSumsOverItsRowsAlone) {
  // Rows 2 and 3 pay .2 to 0, .7 to 1 and .8 to 2, which is in the window itself.
  const auto attention = matrix({{1, 0, 0, 0}, {.9, .1, 0, 0}, {.1, .6, .3, 0}, {.1, .1, .5, .3}});
  EXPECT_EQ(
      kept_after_prefill(
          {"h2o:queries=window,window=2,budget=3", one_layer(4, 1, 1), attention, no_key}, 1)[0],
      (Set{1, 2, 3}));
  // No larger than the window: the last row alone scores and stays, beside the heaviest for it.
  EXPECT_EQ(
      kept_after_prefill(
          {"h2o:queries=window,window=2,budget=2", one_layer(4, 1, 1), attention, no_key}, 1)[0],
      (Set{2, 3}));
}

TEST(H2o, ReducesTheHeadsOfAGroupAsItIsTold) {
  // Position 0: .5 and .5. Position 1: .9 and 0. The mean prefers 0, the maximum 1.
  const std::vector<std::vector<double>> rows = {{.5, .9, .1, .1}, {.5, .0, .4, .1}};
  const auto kept = [&](const std::string& reduce) {
    return kept_after_prefill({"h2o:queries=window,window=1,budget=2,reduce=" + reduce,
                               one_layer(4, 1, 2), rows_of(rows), no_key},
                              1)[0];
  };
  EXPECT_EQ(kept("mean"), (Set{0, 3}));
  EXPECT_EQ(kept("sum"), (Set{0, 3}));
  EXPECT_EQ(kept("max"), (Set{1, 3}));
}

TEST(H2o, AddsUpAttentionWhileDecoding) {
  // Prompt of 3, budget 2, newest 1. Column sums 1.5, .6, .9 at prefill: {0, 2} stays.
  // Step 1 (row 3 over {0, 2, 3}): .1, .8, .1 makes 1.6, 1.7, .1: newest is 3, 2 outweighs 0.
  // Step 2 (row 4 over {2, 3, 4}): 0, .9, .1 makes 1.7, 1.0, .1: 2 stays, although this row
  // ignores it. Step 3 (row 5 over {2, 4, 5}): 0, .9, .1: 4 has 1.0, still less than 1.7.
  // Step 4 (row 6 over {2, 5, 6}).
  const auto attention = matrix({{1, 0, 0, 0, 0, 0},
                                 {.4, .6, 0, 0, 0, 0},
                                 {.1, 0, .9, 0, 0, 0},
                                 {.1, 9, .8, .1, 0, 0},
                                 {9, 9, 0, .9, .1, 0},
                                 {9, 9, 0, 9, .9, .1}});
  FakePass pass("h2o:budget=2,decode=on", one_layer(3, 1, 1), attention, no_key);
  pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{0, 2}));
  pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{2, 3}));
  pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{2, 4}));
  const auto decided = pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{2, 5}));
  // Recorded: what went, and where it stopped.
  const Decision& decision = decided.at(0).at(0);
  EXPECT_EQ(*decision.ranking, (Set{4, 2}));
  EXPECT_EQ(decision.halt_position, 2);
  EXPECT_NEAR(decision.scores->at(0), 1.0, 1e-6);
  EXPECT_NEAR(decision.scores->at(1), 1.7, 1e-6);
}

TEST(H2o, CountsStepsThatEvictNothing) {
  // Every third step evicts; what steps 1 and 2 paid decides then. Position 1 draws all of it.
  const auto attention = [](int, int, int64_t row, int32_t position) {
    return row >= 4 && row <= 5 ? (position == 1 ? 1.0 : 0.0) : (position == 0 ? 1.0 : 0.001);
  };
  FakePass pass("h2o:budget=4,recent=1,decode=on,every=3", one_layer(4, 1, 1), attention, no_key);
  for (int step = 0; step < 3; ++step) {
    EXPECT_EQ(pass.step().at(0).size(), step == 0 ? 1u : 0u);
  }
  EXPECT_EQ(pass.held(0, 0).size(), 6u);
  pass.step();
  EXPECT_EQ(pass.held(0, 0).size(), 4u);
  EXPECT_EQ(pass.held(0, 0)[0], 0);
  EXPECT_EQ(pass.held(0, 0)[1], 1);
  EXPECT_EQ(pass.held(0, 0)[3], 6);
}

// ---- Orders

TEST(EvictionOrder, OfAFewIsTheBeginningOfTheWhole) {
  std::vector<int32_t> positions(50);
  std::vector<double> scores(50);
  for (int32_t row = 0; row < 50; ++row) {
    positions[static_cast<size_t>(row)] = 3 * row;
    scores[static_cast<size_t>(row)] = std::floor(9 * noise(7, {row}));  // with many equals
  }
  const RankedRows rows{
      .positions = positions, .scores = scores, .protected_first = 2, .protected_last = 5};
  const std::vector<int32_t> whole = eviction_order(rows);
  ASSERT_EQ(whole.size(), 43u);
  for (const int64_t count : {0, 1, 2, 20, 42, 43, 60}) {
    const std::vector<int32_t> few = eviction_order(rows, count);
    EXPECT_EQ(few.size(), static_cast<size_t>(std::min<int64_t>(count, 43)));
    EXPECT_TRUE(std::equal(few.begin(), few.end(), whole.begin())) << count;
  }
}

// ---- Observation windows

TEST(Pool, TakesTheMaximumAroundEachValue) {
  std::vector<double> values = {5, 1, 0, 0, 3, 2};
  pool(values, Pooling::max, 3);
  EXPECT_EQ(values, (std::vector<double>{5, 5, 1, 3, 3, 3}));
}

TEST(Pool, DividesTheMeanByTheKernelAtTheEndsToo) {
  std::vector<double> values = {3, 6, 0};
  pool(values, Pooling::mean, 3);
  EXPECT_EQ(values, (std::vector<double>{3, 3, 2}));
}

TEST(Pool, LeavesValuesAloneWhereItIsTold) {
  std::vector<double> values = {3, 6, 0};
  pool(values, Pooling::none, 3);
  EXPECT_EQ(values, (std::vector<double>{3, 6, 0}));
  std::vector<double> nothing;
  pool(nothing, Pooling::max, 7);
  EXPECT_TRUE(nothing.empty());
}

TEST(SnapKv, KeepsTheNeighboursOfAPeak) {
  // Positions 0 to 7 before a window of 2; the peak is at 4. Four of them stay.
  const std::vector<double> row = {.2, .01, .02, .03, .5, .04, .05, .06, .04, .05};
  const auto kept = [&](const std::string& options) {
    return kept_after_prefill(
        {"snapkv:window=2,budget=6" + options, one_layer(10, 1, 1), rows_of({row}), no_key}, 1)[0];
  };
  // Pooled by 3: .2 .2 .03 .5 .5 .5 .06 .06: the peak's three, and of 0 and 1, which are equal,
  // the older goes first.
  EXPECT_EQ(kept(",kernel=3"), (Set{1, 3, 4, 5, 8, 9}));
  EXPECT_EQ(kept(",pool=none"), (Set{0, 4, 6, 7, 8, 9}));
  // Means of 3 (times 3): .21 .23 .06 .55 .57 .59 .15 .11
  EXPECT_EQ(kept(",kernel=3,pool=mean"), (Set{1, 3, 4, 5, 8, 9}));
}

TEST(SnapKv, DoesNotPoolTheWindowIntoWhatIsBeforeIt) {
  // The window's own first position draws much; its neighbour before the window does not gain.
  const std::vector<double> row = {.3, .01, .01, .01, .02, .6, .05};
  EXPECT_EQ(
      kept_after_prefill(
          {"snapkv:window=2,kernel=3,budget=4", one_layer(7, 1, 1), rows_of({row}), no_key}, 1)[0],
      (Set{0, 1, 5, 6}));
}

TEST(SnapKv, ShrinksTheWindowToOneWhereTheBudgetIsNoLarger) {
  const std::vector<double> row = {.3, .01, .2, .01, .02, .4, .06};
  EXPECT_EQ(
      kept_after_prefill(
          {"snapkv:window=3,pool=none,budget=3", one_layer(7, 1, 1), rows_of({row}), no_key}, 1)[0],
      (Set{0, 5, 6}));
  EXPECT_EQ(
      kept_after_prefill({"snapkv:budget=1", one_layer(7, 1, 1), rows_of({row}), no_key}, 1)[0],
      (Set{6}));
}

std::vector<size_t> pyramid(const std::string& options, int64_t prompt) {
  const PassShape shape{.layers = 4, .kv_heads = 1, .q_heads = 1, .head_dim = 2, .prompt = prompt};
  FakePass pass("pyramidkv:" + options, shape, random_attention(2), no_key);
  pass.step();
  std::vector<size_t> sizes;
  for (int layer = 0; layer < 4; ++layer) sizes.push_back(pass.held(layer, 0).size());
  return sizes;
}

TEST(PyramidKv, FallsInEqualSteps) {
  // 42 beside the window of 8: the last is meant to have 42 / 20 = 2, the first 84 - 2 = 82, and
  // the step is 80 / 4 = 20.
  EXPECT_EQ(pyramid("budget=50", 200), (std::vector<size_t>{90, 70, 50, 30}));
  // beta=5: 42 / 5 = 8, 76, a step of 68 / 4 = 17.
  EXPECT_EQ(pyramid("budget=50,beta=5", 200), (std::vector<size_t>{84, 67, 50, 33}));
}

TEST(PyramidKv, GivesTheFirstLayerNoMoreThanThePrompt) {
  // 49 beside the window: 98 - 2 = 96 is more than the 92 there are; the last gets 98 - 92 = 6.
  // The step is 86 / 4 = 21.
  EXPECT_EQ(pyramid("budget=57", 100), (std::vector<size_t>{100, 79, 58, 37}));
}

TEST(PyramidKv, IsNoPyramidWhereTheBudgetIsMoreThanHalf) {
  EXPECT_EQ(pyramid("budget=60", 80), (std::vector<size_t>{60, 60, 60, 60}));
  EXPECT_EQ(pyramid("budget=128", 80), (std::vector<size_t>{80, 80, 80, 80}));
  EXPECT_EQ(pyramid("budget=100%", 80), (std::vector<size_t>{80, 80, 80, 80}));
}

TEST(PyramidKv, LeavesLayersWithBudgetsOfTheirOwnAtThose) {
  EXPECT_EQ(pyramid("budget=50,layer-budgets=1@17,keep-layers=3", 200),
            (std::vector<size_t>{90, 17, 50, 200}));
}

TEST(AdaKv, GivesHeadsWhatTheirScoresAreWorth) {
  // A window of 1 and budgets of 3: two candidates per head, four in all. The best four of both
  // heads are .4 .3 of head 0 and, by the floor of one, .1 of head 1, then .2 of head 0.
  const std::vector<std::vector<double>> rows = {{.4, .3, .2, .05, .05}, {.02, .1, .03, .04, .81}};
  FakePass pass("ada-kv:window=1,pool=none,budget=3,floor=50%", one_layer(5, 2, 2), rows_of(rows),
                no_key);
  const auto decided = pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{0, 1, 2, 4}));
  EXPECT_EQ(pass.held(0, 1), (Set{1, 4}));
  EXPECT_EQ(decided[0][0].cut, 1);
  EXPECT_EQ(decided[0][1].cut, 3);
}

TEST(AdaKv, WithoutAFloorMayLeaveAHeadItsWindow) {
  const std::vector<std::vector<double>> rows = {{.3, .3, .2, .15, .05}, {.02, .01, .03, .04, .90}};
  FakePass pass("ada-kv:window=1,pool=none,budget=3,floor=0", one_layer(5, 2, 2), rows_of(rows),
                no_key);
  const auto decided = pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{0, 1, 2, 3, 4}));
  EXPECT_EQ(pass.held(0, 1), (Set{4}));
  EXPECT_EQ(decided[0][0].reason, Reason::fixed_budget);
}

TEST(AdaKv, WithAFloorOfAllSplitsEvenly) {
  const std::vector<std::vector<double>> rows = {{.4, .3, .2, .05, .05}, {.02, .1, .03, .04, .81}};
  const auto kept = kept_after_prefill(
      {"ada-kv:window=1,pool=none,budget=3,floor=100%", one_layer(5, 2, 2), rows_of(rows), no_key},
      2);
  EXPECT_EQ(kept[0], (Set{0, 1, 4}));
  EXPECT_EQ(kept[1], (Set{1, 3, 4}));
}

// ---- TOVA, keys, chance, StreamingLLM

TEST(Tova, DecidesOnceForTheLayerByTheMeanOverItsHeads) {
  // Sums over heads: .7, .8, .3, .2; each head by itself would choose otherwise.
  const std::vector<std::vector<double>> rows = {{.6, .1, .2, .1}, {.1, .7, .1, .1}};
  FakePass pass("tova:budget=2", one_layer(4, 2, 2), rows_of(rows), no_key);
  const auto decided = pass.step();
  ASSERT_EQ(decided[0].size(), 1u);
  EXPECT_EQ(decided[0][0].kv_head, -1);
  EXPECT_EQ(*decided[0][0].ranking, (Set{2, 0, 1}));
  for (const int head : {0, 1}) EXPECT_EQ(pass.held(0, head), (Set{1, 3}));
}

TEST(Tova, WhileDecodingAsksTheStepsOwnRow) {
  const auto attention = [](int, int, int64_t row, int32_t position) {
    return row == 4 ? (position == 0 ? .5 : .1) : (position == 0 ? 0.0 : .1 * (1 + position));
  };
  FakePass pass("tova:budget=3,decode=on", one_layer(4, 1, 1), attention, no_key);
  pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{1, 2, 3}));
  pass.step();  // row 4 likes 0 best, which is gone, and the others alike: the oldest goes
  EXPECT_EQ(pass.held(0, 0), (Set{2, 3, 4}));
  pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{3, 4, 5}));
}

TEST(KeyNorm, EvictsTheLongestKeys) {
  // Norms 5, 1, 2, sqrt(8) = 2.83, 3.
  const std::vector<std::array<float, 2>> keys = {{3, 4}, {1, 0}, {0, -2}, {2, 2}, {-3, 0}};
  const auto key = [&](int, int, int32_t position, int dim) {
    return keys[static_cast<size_t>(position)][static_cast<size_t>(dim)];
  };
  FakePass pass("key-norm:budget=3", one_layer(5, 1, 1), random_attention(1), key);
  const auto decided = pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{1, 2, 3}));
  EXPECT_EQ(*decided[0][0].ranking, (Set{0, 4, 3, 2, 1}));
  EXPECT_FLOAT_EQ(decided[0][0].scores->at(0), -5);
  EXPECT_FALSE(pass.policy().needs({}).any());
  EXPECT_EQ(kept_after_prefill({"key-norm:budget=3,sinks=1,recent=1", one_layer(5, 1, 1),
                                random_attention(1), key},
                               1)[0],
            (Set{0, 1, 4}));
}

TEST(KeyDiff, EvictsWhatResemblesTheOthers) {
  // Unit vectors: east (twice, one long), north, and west. Mean (1/4, 1/4): east and north have a
  // cosine of .707 with it, west -.707. Of the three equal ones the oldest goes first.
  const std::vector<std::array<float, 2>> keys = {{10, 0}, {1, 0}, {0, 2}, {-.5f, 0}};
  const auto key = [&](int, int, int32_t position, int dim) {
    return keys[static_cast<size_t>(position)][static_cast<size_t>(dim)];
  };
  FakePass pass("key-diff:budget=2", one_layer(4, 1, 1), random_attention(1), key);
  const auto decided = pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{2, 3}));
  EXPECT_NEAR(decided[0][0].scores->at(0), -std::sqrt(.5), 1e-6);
  EXPECT_NEAR(decided[0][0].scores->at(3), std::sqrt(.5), 1e-6);
}

TEST(KeyDiff, MakesNoNumbersOfKeysWithoutDirection) {
  FakePass pass("key-diff:budget=2", one_layer(4, 1, 1), random_attention(1),
                [](int, int, int32_t, int) { return 0.0f; });
  const auto decided = pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{2, 3}));
  for (const float score : *decided[0][0].scores) EXPECT_EQ(score, 0);
}

TEST(Random, DrawsAnotherLotInEveryLayerAndHeadAndForEverySeed) {
  const auto sets = [](const std::string& spec) {
    FakePass pass = random_pass(spec, {});
    pass.step();
    std::vector<Set> all;
    for (int layer = 0; layer < 3; ++layer) {
      for (int head = 0; head < 2; ++head) all.push_back(pass.held(layer, head));
    }
    return all;
  };
  auto all = sets("random:budget=50%,seed=1");
  EXPECT_EQ(sets("random:budget=50%,seed=1"), all);
  for (const Set& other : sets("random:budget=50%,seed=2")) all.push_back(other);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

TEST(Random, KeepsEveryPositionEquallyOften) {
  // 2000 lots of half of 40 positions: 1000 each, with a standard deviation of 22.
  std::vector<int> counts(40, 0);
  for (int seed = 0; seed < 1000; ++seed) {
    FakePass pass("random:budget=50%,seed=" + std::to_string(seed),
                  {.layers = 1, .kv_heads = 2, .q_heads = 2, .head_dim = 2, .prompt = 40},
                  rows_of({}), no_key);
    pass.step();
    for (int head = 0; head < 2; ++head) {
      for (const int32_t position : pass.held(0, head)) ++counts[static_cast<size_t>(position)];
    }
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 5 * 22);
}

TEST(StreamingLlm, RollsWhileDecoding) {
  FakePass pass = random_pass("streaming-llm:budget=6,sinks=2,decode=on", one_layer(10, 1, 1));
  pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{0, 1, 6, 7, 8, 9}));
  pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{0, 1, 7, 8, 9, 10}));
  const auto decided = pass.step();
  EXPECT_EQ(pass.held(0, 0), (Set{0, 1, 8, 9, 10, 11}));
  EXPECT_EQ(*decided[0][0].ranking, (Set{7, 8}));
  EXPECT_EQ(decided[0][0].scores, nullptr);
}

// ---- What must hold on any input

struct Case {
  std::string name;
  std::string options;  // of the rule
  bool decodes = false;
  int64_t sinks = 0;
  int64_t recent = 0;   // 0: nothing is promised
  bool window = false;  // the newest are an observation window, 1 where the budget is no larger
};

const std::vector<Case> kCases = {
    {"streaming-llm", "", true, 4, 1},
    {"h2o", "", true, 0, 1},
    {"h2o", "sinks=3,reduce=max", true, 3, 1},
    {"h2o", "recent=5", true, 0, 5},
    {"h2o", "queries=window", false, 0, 8, true},
    {"snapkv", "", false, 0, 8, true},
    {"snapkv", "window=3,pool=mean,kernel=5,reduce=sum", false, 0, 3, true},
    {"tova", "", true, 0, 1},
    {"key-norm", "", true, 0, 0},
    {"key-norm", "sinks=2,recent=2", true, 2, 2},
    {"key-diff", "", true, 0, 0},
    {"key-diff", "sinks=1,recent=3", true, 1, 3},
    {"random", "seed=5", true, 0, 0},
    {"random", "sinks=2,recent=2", true, 2, 2},
};

std::string spec_of(const Case& policy, const std::string& budget) {
  return policy.name + ":" + (policy.options.empty() ? "" : policy.options + ",") + budget;
}

bool holds_all(const Set& set, int64_t begin, int64_t end) {
  for (int64_t p = begin; p < end; ++p) {
    if (!std::binary_search(set.begin(), set.end(), static_cast<int32_t>(p))) return false;
  }
  return true;
}

void expect_whole_set(const Set& held, const Case& policy, int64_t total, int64_t capacity) {
  const int64_t size = std::min(total, capacity);
  EXPECT_EQ(static_cast<int64_t>(held.size()), size);
  const int64_t recent =
      std::min(policy.window && capacity <= policy.recent ? 1 : policy.recent, size);
  EXPECT_TRUE(holds_all(held, total - recent, total)) << "the newest " << recent;
  // What h2o's half of the budget leaves.
  const int64_t sinks = std::min(policy.sinks, policy.name == "h2o" ? size / 2 : size - recent);
  EXPECT_TRUE(holds_all(held, 0, sinks)) << "sinks " << sinks;
}

TEST(FixedBudgets, KeepExactlyTheBudgetAndWhatIsProtected) {
  for (const Case& policy : kCases) {
    for (const int64_t prompt : {1, 2, 7, 9, 40}) {
      for (const int64_t capacity : {1, 2, 5, 8, 9, 20, 39, 40, 100}) {
        const std::string spec = spec_of(policy, "budget=" + std::to_string(capacity));
        SCOPED_TRACE(spec + " on " + std::to_string(prompt));
        FakePass pass = random_pass(spec, {.prompt = prompt}, static_cast<uint32_t>(capacity));
        const auto decided = pass.step();
        for (int layer = 0; layer < 3; ++layer) {
          for (int head = 0; head < 2; ++head) {
            expect_whole_set(pass.held(layer, head), policy, prompt, capacity);
          }
          for (const Decision& decision : decided[static_cast<size_t>(layer)]) {
            EXPECT_EQ(decision.reason,
                      capacity < prompt ? Reason::fixed_budget : Reason::too_short);
          }
        }
      }
    }
  }
}

TEST(FixedBudgets, AreSharesOfThePromptRoundedToEven) {
  for (const Case& policy : kCases) {
    FakePass pass = random_pass(spec_of(policy, "budget=25%"), {.prompt = 50});  // 12.5
    pass.step();
    EXPECT_EQ(pass.held(0, 0).size(), 12u) << policy.name;
  }
}

TEST(FixedBudgets, DifferByLayerWhereTheyAreTold) {
  for (const Case& policy : kCases) {
    const std::string spec = spec_of(policy, "budget=10,layer-budgets=1@60%,keep-layers=2");
    SCOPED_TRACE(spec);
    FakePass pass = random_pass(spec, {});
    const auto decided = pass.step();
    EXPECT_EQ(pass.held(0, 0).size(), 10u);
    EXPECT_EQ(pass.held(1, 0).size(), 24u);
    EXPECT_EQ(pass.held(2, 0).size(), 40u);
    EXPECT_EQ(decided[2].at(0).reason, Reason::exempt_layer);
  }
}

TEST(FixedBudgets, AreHeldWhileDecoding) {
  for (const Case& policy : kCases) {
    if (!policy.decodes) continue;
    for (const int64_t capacity : {1, 3, 12, 30}) {
      const std::string spec =
          spec_of(policy, "decode=on,keep-layers=2,budget=" + std::to_string(capacity));
      SCOPED_TRACE(spec);
      FakePass pass = random_pass(spec, {.prompt = 20});
      pass.step();
      for (int step = 1; step < 15; ++step) {
        std::vector<Set> before;
        for (int head = 0; head < 2; ++head) before.push_back(pass.held(0, head));
        const auto decided = pass.step();
        const int64_t total = pass.positions_so_far();
        for (int head = 0; head < 2; ++head) {
          Set held = pass.held(0, head);
          expect_whole_set(held, policy, total, capacity);
          // Nothing comes back: all is of what was held, or new.
          Set& was = before[static_cast<size_t>(head)];
          was.push_back(static_cast<int32_t>(total - 1));
          EXPECT_TRUE(std::includes(was.begin(), was.end(), held.begin(), held.end()));
        }
        EXPECT_EQ(pass.held(2, 0).size(), static_cast<size_t>(total));
        EXPECT_TRUE(decided[2].empty()) << "an exempt layer says so once";
        if (total <= capacity) {
          EXPECT_TRUE(decided[0].empty());
        } else {
          ASSERT_FALSE(decided[0].empty());
          EXPECT_EQ(decided[0][0].ranking->size(),
                    std::min<size_t>(2, decided[0][0].ranking->size()));
        }
      }
    }
  }
}

TEST(FixedBudgets, WithoutDecodingLetGeneratedTokensStay) {
  for (const Case& policy : kCases) {
    FakePass pass = random_pass(spec_of(policy, "budget=10"), {.prompt = 20});
    for (int step = 0; step < 5; ++step) pass.step();
    EXPECT_EQ(pass.held(0, 0).size(), 14u) << policy.name;
    EXPECT_TRUE(holds_all(pass.held(0, 0), 20, 24));
  }
}

TEST(FixedBudgets, EvictEveryFewSteps) {
  for (const Case& policy : kCases) {
    if (!policy.decodes) continue;
    FakePass pass = random_pass(spec_of(policy, "budget=10,decode=on,every=3"), {.prompt = 20});
    std::vector<size_t> sizes;
    for (int step = 0; step < 8; ++step) {
      pass.step();
      sizes.push_back(pass.held(1, 1).size());
    }
    EXPECT_EQ(sizes, (std::vector<size_t>{10, 11, 12, 10, 11, 12, 10, 11})) << policy.name;
  }
}

TEST(FixedBudgets, EvictTheLowestScoresOfTheirRanking) {
  for (const Case& policy : kCases) {
    FakePass pass = random_pass(spec_of(policy, "budget=15"), {});
    for (const auto& of_layer : pass.step()) {
      for (const Decision& decision : of_layer) {
        ASSERT_NE(decision.ranking, nullptr);
        for (size_t i = 0; i < decision.ranking->size(); ++i) {
          EXPECT_EQ(decision.kept.contains((*decision.ranking)[i]),
                    static_cast<int64_t>(i) >= decision.cut);
        }
        if (policy.name == "streaming-llm") continue;  // by position
        EXPECT_TRUE(std::is_sorted(decision.scores->begin(), decision.scores->end()));
      }
    }
  }
}

TEST(FixedBudgets, EvictTheOlderOfEquals) {
  for (const Case& policy : kCases) {
    // A mean has zeros beyond its ends, and so no equals there.
    if (contains(policy.options, "pool=mean")) continue;
    if (policy.name == "random") continue;                                         // has no equals
    if (policy.name == "h2o" && !policy.options.starts_with("queries")) continue;  // older: heavier
    FakePass pass(
        spec_of(policy, "budget=15"), {}, [](int, int, int64_t, int32_t) { return 1.0; }, no_key);
    pass.step();
    const Set held = pass.held(0, 0);
    EXPECT_TRUE(holds_all(held, 40 - (15 - policy.sinks), 40)) << policy.name;
  }
}

TEST(FixedBudgets, TakeTheLastOfMoreRowsThanTheyAskFor) {
  for (const Case& policy : kCases) {
    FakePass few = random_pass(spec_of(policy, "budget=15"), {});
    FakePass many = random_pass(spec_of(policy, "budget=15"), {});
    many.further_rows = 9;
    few.step();
    many.step();
    for (int head = 0; head < 2; ++head) {
      EXPECT_EQ(few.held(1, head), many.held(1, head)) << policy.name;
    }
  }
}

TEST(AdaKv, KeepsTheLayersTotalAndEveryHeadsFloor) {
  bool uneven = false;
  for (const int64_t capacity : {1, 5, 8, 9, 12, 20, 39, 40, 100}) {
    for (const double floor : {0.0, 0.2, 0.5, 1.0}) {
      const PassShape shape{.kv_heads = 4, .q_heads = 8};
      FakePass pass(fmt::format("ada-kv:budget={},floor={}", capacity, floor), shape,
                    random_attention(static_cast<uint32_t>(capacity)), no_key);
      pass.step();
      const int64_t size = std::min<int64_t>(capacity, 40);
      const int64_t window = capacity > 8 ? 8 : 1;
      for (int layer = 0; layer < 3; ++layer) {
        int64_t total = 0;
        for (int head = 0; head < 4; ++head) {
          const Set held = pass.held(layer, head);
          const auto count = static_cast<int64_t>(held.size());
          total += count;
          uneven = uneven || count != size;
          EXPECT_TRUE(holds_all(held, 40 - window, 40));
          EXPECT_GE(count,
                    window + static_cast<int64_t>(floor * static_cast<double>(size - window)));
          EXPECT_TRUE(floor < 1 || count == size);
        }
        EXPECT_EQ(total, 4 * size) << capacity << " " << floor;
      }
    }
  }
  EXPECT_TRUE(uneven) << "heads never differed: the split was not tried";
}

// ---- Options

TEST(FixedBudgets, RefuseWhatTheyCannotDo) {
  for (const std::string name : {"streaming-llm", "h2o", "snapkv", "pyramidkv", "ada-kv", "tova",
                                 "key-norm", "key-diff", "random"}) {
    EXPECT_TRUE(contains(refusal(name + ":budget=0"), "budget=0 keeps nothing")) << name;
    EXPECT_TRUE(contains(refusal(name + ":budget=0%"), "keeps nothing")) << name;
    EXPECT_TRUE(contains(refusal(name + ":budget=101%"), "budget=101%")) << name;
    EXPECT_TRUE(contains(refusal(name + ":layer-budgets=1@0"), "layer-budgets")) << name;
  }
  EXPECT_TRUE(contains(refusal("snapkv:window=0"), "window=0 leaves no row"));
  EXPECT_TRUE(contains(refusal("ada-kv:kernel=4"), "not an odd number"));
  EXPECT_TRUE(contains(refusal("pyramidkv:kernel=0"), "not an odd number"));
  EXPECT_TRUE(contains(refusal("pyramidkv:beta=0"), "beta=0"));
  EXPECT_TRUE(contains(refusal("snapkv:pool=avg"), "Known: max, mean, none."));
  EXPECT_TRUE(contains(refusal("snapkv:decode=on"), "has no option 'decode'"));
  EXPECT_TRUE(contains(refusal("h2o:every=2"), "needs decode=on"));
  EXPECT_TRUE(contains(refusal("h2o:every=0,decode=on"), "every=0"));
  EXPECT_TRUE(contains(refusal("h2o:window=8"), "needs queries=window"));
  EXPECT_TRUE(contains(refusal("h2o:queries=window,window=0"), "window=0 leaves no row"));
  EXPECT_TRUE(contains(refusal("h2o:queries=window,recent=4"), "needs queries=all"));
  EXPECT_TRUE(contains(refusal("h2o:queries=window,decode=on"), "needs queries=all"));
  EXPECT_TRUE(contains(refusal("h2o:reduce=min"), "Known: mean, sum, max."));
  EXPECT_TRUE(contains(refusal("ada-kv:floor=2"), "floor=2"));
  EXPECT_TRUE(contains(refusal("tova:decode=maybe"), "Known: off, on."));
}

TEST(FixedBudgets, NameEveryParameterWithItsValue) {
  const auto text = [](const std::string& spec) {
    std::string all;
    for (const auto& [key, value] : make_policy(parse_policy_specs(spec).at(0))->parameters()) {
      all += key + "=" + value + " ";
    }
    return all;
  };
  EXPECT_EQ(text("h2o"),
            "budget=50% layer-budgets=none keep-layers=none decode=off queries=all recent=50% "
            "sinks=0 reduce=mean ");
  EXPECT_EQ(text("h2o:queries=window,budget=64"),
            "budget=64 layer-budgets=none keep-layers=none decode=off queries=window window=8 "
            "sinks=0 reduce=mean ");
  EXPECT_EQ(text("tova:decode=on,every=4"),
            "budget=50% layer-budgets=none keep-layers=none decode=on every=4 ");
  EXPECT_EQ(text("ada-kv:layer-budgets=0-1@100%"),
            "budget=50% layer-budgets=0@100%+1@100% keep-layers=none window=8 pool=max kernel=7 "
            "reduce=mean floor=20% ");
  EXPECT_EQ(text("pyramidkv:pool=none"),
            "budget=50% layer-budgets=none keep-layers=none window=8 pool=none kernel=7 "
            "reduce=mean beta=20 ");
  EXPECT_EQ(text("random"),
            "budget=50% layer-budgets=none keep-layers=none decode=off sinks=0 recent=0 seed=0 ");
}

TEST(FixedBudgets, RefuseLayersThatTheModelLacks) {
  ModelConfig config;
  config.layers = 4;
  const auto message = [&](const std::string& spec) {
    const auto policy = make_policy(parse_policy_specs(spec).at(0));
    return error_of([&] { policy->check(config); });
  };
  EXPECT_EQ(message("h2o:keep-layers=3"), "no error");
  EXPECT_EQ(message("h2o:keep-layers=4"),
            "Policy 'h2o': keep-layers names layer 4, but the model has layers 0 to 3.");
  EXPECT_EQ(message("ada-kv:layer-budgets=2@64+9@10%"),
            "Policy 'ada-kv': layer-budgets names layer 9, but the model has layers 0 to 3.");
}

}  // namespace
}  // namespace kvreel::engine
