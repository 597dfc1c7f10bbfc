// Runs that share a prefill are the runs that they would be with a prefill of their own.
#include "engine/generate/shared_prefill.h"

#include <set>

#include "engine/generate/experiment.h"
#include "engine/pass_log.h"
#include "engine/remembering_policies.h"

namespace kvreel::engine {
namespace {

using namespace testing;
using Specs = std::vector<std::string>;

class SharedPrefills : public ::testing::Test {
 protected:
  SharedPrefills() : model_(load_model(demo_model(), {})), samples_(random_samples({90, 41}, 11)) {}

  void run(Backend& backend, std::span<const engine::Run> runs, const ExperimentPlan& plan,
           PassLog& log) {
    EXPECT_TRUE(run_experiment(model_.config, backend, nullptr, samples_, runs, options_, log,
                               never_stop(), {}, plan));
  }

  Model model_;
  std::vector<Sample> samples_;
  GenerateOptions options_{.max_new_tokens = 8, .page_rows = 8};
};

void expect_same_bytes(const CacheBytes& a, const CacheBytes& b, const std::string& where) {
  EXPECT_EQ(a.asked, b.asked) << where;
  EXPECT_EQ(a.held, b.held) << where;
  EXPECT_EQ(a.peak, b.peak) << where;
}

void expect_same_decision(const Decision& a, const Decision& b, const std::string& where) {
  EXPECT_EQ(a.kv_head, b.kv_head) << where;
  EXPECT_EQ(a.reason, b.reason) << where;
  EXPECT_EQ(a.cached, b.cached) << where;
  EXPECT_TRUE(a.kept == b.kept) << where;
  EXPECT_EQ(a.cut, b.cut) << where;
  EXPECT_EQ(a.halt_position, b.halt_position) << where;
  ASSERT_EQ(a.ranking == nullptr, b.ranking == nullptr) << where;
  if (a.ranking) {
    EXPECT_EQ(*a.ranking, *b.ranking) << where;
  }
  ASSERT_EQ(a.curve == nullptr, b.curve == nullptr) << where;
  if (a.curve) {
    EXPECT_EQ(a.curve->distance, b.curve->distance) << where;
    EXPECT_EQ(a.curve->base_norm, b.curve->base_norm) << where;
  }
}

// Everything but times.
void expect_same(const PassRecord& a, const PassRecord& b, const std::string& run) {
  ASSERT_EQ(a.steps.size(), b.steps.size()) << run;
  for (size_t i = 0; i < a.steps.size(); ++i) {
    const std::string where = run + ", step " + std::to_string(i);
    EXPECT_EQ(a.steps[i].token, b.steps[i].token) << where;
    EXPECT_EQ(a.steps[i].logprob, b.steps[i].logprob) << where;
    EXPECT_EQ(a.steps[i].rows, b.steps[i].rows) << where;
    expect_same_bytes(a.steps[i].cache, b.steps[i].cache, where);
  }
  ASSERT_EQ(a.decisions.size(), b.decisions.size()) << run;
  for (size_t i = 0; i < a.decisions.size(); ++i) {
    const std::string where = run + ", decision " + std::to_string(i);
    EXPECT_EQ(a.decisions[i].first, b.decisions[i].first) << where;
    expect_same_decision(a.decisions[i].second, b.decisions[i].second, where);
  }
  ASSERT_EQ(a.memory.size(), b.memory.size()) << run;
  for (size_t i = 0; i < a.memory.size(); ++i) {
    const std::string where = run + ", memory " + std::to_string(i);
    EXPECT_EQ(a.memory[i].at.step, b.memory[i].at.step) << where;
    EXPECT_EQ(a.memory[i].layer, b.memory[i].layer) << where;
    EXPECT_EQ(a.memory[i].cause, b.memory[i].cause) << where;
    expect_same_bytes(a.memory[i].cache, b.memory[i].cache, where);
  }
  expect_same_bytes(a.pass.after_prefill, b.pass.after_prefill, run);
  expect_same_bytes(a.pass.at_end, b.pass.at_end, run);
  EXPECT_EQ(a.pass.full_after_prefill, b.pass.full_after_prefill) << run;
  EXPECT_EQ(a.pass.budget, b.pass.budget) << run;
  EXPECT_EQ(a.pass.generated, b.pass.generated) << run;
  EXPECT_EQ(a.pass.finish, b.pass.finish) << run;
}

std::vector<engine::Run> many_runs() {
  Specs specs = every_policy();
  specs.insert(specs.end(),
               {"refreekv:threshold=3%,20%,keep-layers=none",
                "refreekv:threshold=5%,rank=attention,score-rows=4,rows=2",
                "refreekv:rows=4,rows-mask=none,keep-layers=none,threshold=10%",
                "refreekv:metric=norm-fro,keep-layers=none,threshold=60%",
                "streaming-llm:budget=10%,40%", "top-p:p=70%", "expected-attention:budget=30%",
                "cake:budget=20%,window=6", "hard-kv:budget=12,window=3,every=3,p=50%"});
  std::vector<engine::Run> runs = make_runs(specs);
  runs.push_back({.spec = {.text = "decoding", .name = "decoding"},
                  .policy = std::make_unique<EvictingWhileDecoding>(),
                  .argument = 100});
  runs.push_back({.spec = {.text = "cascading", .name = "cascading"},
                  .policy = std::make_unique<Cascading>(),
                  .argument = 101});
  return runs;
}

TEST_F(SharedPrefills, EqualOwnPrefillsInAllButTime) {
  const std::vector<engine::Run> runs = many_runs();
  options_.sampling = {.temperature = 0.8, .seed = 5};
  for (const kernels::DType dtype : {kernels::DType::f32, kernels::DType::bf16}) {
    for (const int64_t chunk : {256, 16}) {
      CpuBackend backend(model_.config, model_.weights, {.chunk_rows = chunk});
      options_.cache_dtype = dtype;
      PassLog own, shared;
      own.request = shared.request = {.last_rows = 1, .row_norms = true};
      run(backend, runs, {.sharing = PrefillSharing::none}, own);
      run(backend, runs, {.sharing = PrefillSharing::all}, shared);
      ASSERT_EQ(own.passes.size(), runs.size() * samples_.size());
      EXPECT_EQ(own.order, shared.order);
      std::set<int32_t> cut;
      for (const auto& [id, record] : own.passes) {
        const std::string name = runs[static_cast<size_t>(id.first)].spec.text + ", sample " +
                                 std::to_string(id.second) + ", chunks of " + std::to_string(chunk);
        expect_same(record, shared.at(id.first, id.second), name);
        if (record.pass.budget < 0.95) cut.insert(id.first);
      }
      EXPECT_GE(cut.size(), runs.size() / 2) << "little was evicted: the comparison says little";
    }
  }
}

TEST_F(SharedPrefills, LeaveTheModelsPartToTheFirstRun) {
  CpuBackend backend(model_.config, model_.weights, {});
  const std::vector<engine::Run> runs =
      make_runs(Specs{"full", "refreekv:threshold=1%,5%,20%", "streaming-llm:budget=50%"});
  PassLog log;
  log.request = {.last_rows = 1};
  run(backend, runs, {}, log);
  for (int32_t sample = 0; sample < 2; ++sample) {
    for (int32_t r = 0; r < 5; ++r) {
      const PassRecord& record = log.at(r, sample);
      const bool shares = r == 2 || r == 3;
      EXPECT_EQ(record.pass.prefill_run, shares ? 1 : -1) << r;
      EXPECT_EQ(record.attention_layers.size(), shares ? 0u : 4u) << r;
      std::map<Op, int> prefill;
      for (const SpanEvent& span : record.spans) prefill[span.op] += span.at.step == 0 ? 1 : 0;
      EXPECT_EQ(prefill[Op::decide], 4) << r;
      EXPECT_EQ(prefill[Op::keep], 4) << r;
      EXPECT_EQ(prefill[Op::attend], shares ? 0 : 4) << r;
      EXPECT_EQ(prefill[Op::sample], shares ? 0 : 1) << r;
      EXPECT_EQ(record.steps.at(0).rows, static_cast<int64_t>(samples_[sample].tokens.size()));
    }
  }
}

TEST_F(SharedPrefills, TimesAreTheModelsPartAndTheRunsOwnDeciding) {
  CpuBackend backend(model_.config, model_.weights, {});
  const std::vector<engine::Run> runs = make_runs(Specs{"refreekv:threshold=1%,5%,20%"});
  PassLog log;
  run(backend, runs, {}, log);
  const auto model_ns = [&](int32_t r) {
    const PassEvent& pass = log.at(r, 0).pass;
    return pass.prefill_ns - pass.decide_ns;
  };
  EXPECT_GT(model_ns(0), 0);
  EXPECT_EQ(model_ns(1), model_ns(0));
  EXPECT_EQ(model_ns(2), model_ns(0));
  for (int32_t r = 0; r < 3; ++r) {
    const PassRecord& record = log.at(r, 0);
    int64_t spans = 0;
    for (const SpanEvent& span : record.spans) {
      const bool own = span.op == Op::decide || span.op == Op::keep;
      if (own && span.at.step == 0) spans += span.end_ns - span.start_ns;
    }
    EXPECT_EQ(record.pass.decide_ns, spans) << r;
    const StepEvent& step = record.steps.at(0);
    EXPECT_EQ(step.end_ns - step.start_ns, r == 0 ? record.pass.prefill_ns : record.pass.decide_ns);
    EXPECT_EQ(step.start_ns, record.pass.start_ns);
  }
}

TEST_F(SharedPrefills, CostOneForwardPassForTenThresholds) {
  CpuBackend cpu(model_.config, model_.weights, {.chunk_rows = 32});
  CountingBackend backend(cpu);
  const std::vector<engine::Run> runs =
      make_runs(Specs{"refreekv:keep-layers=none,threshold=0.1%,0.5%,1%,2%,3%,5%,7%,10%,20%,30%"});
  ASSERT_EQ(runs.size(), 10u);
  samples_.resize(1);  // longer than the warm-up's 64 tokens, which are counted apart
  PassLog log;
  run(backend, runs, {}, log);
  int64_t decodes = 0;
  for (int32_t r = 0; r < 10; ++r) decodes += log.at(r, 0).pass.generated - 1;
  EXPECT_EQ(backend.steps[90], 1);
  EXPECT_EQ(backend.steps[64], 1);
  EXPECT_EQ(backend.steps[1], decodes + 1);
  // 3 chunks of the prompt and 2 of the warm-up in each of 4 layers.
  EXPECT_EQ(backend.layer_calls, 4 * (3 + 2 + decodes + 1));

  CountingBackend alone(cpu);
  PassLog own;
  run(alone, runs, {.sharing = PrefillSharing::none}, own);
  EXPECT_EQ(alone.steps[90], 10);
}

TEST_F(SharedPrefills, AreSharedByWhatIsLeftOfASweep) {
  CpuBackend backend(model_.config, model_.weights, {});
  const std::vector<engine::Run> runs = make_runs(Specs{"refreekv:threshold=1%,5%,20%"});
  PassLog whole, rest;
  whole.request = rest.request = {.last_rows = 1};
  run(backend, runs, {}, whole);
  const std::set<std::pair<int32_t, int32_t>> done{{0, 0}, {1, 1}, {2, 1}};
  run(backend, runs, {.done = [&](int32_t r, int32_t s) { return done.contains({r, s}); }}, rest);
  ASSERT_EQ(rest.order, (std::vector<std::pair<int32_t, int32_t>>{{1, 0}, {2, 0}, {0, 1}}));
  for (const auto& [id, record] : rest.passes) {
    expect_same(record, whole.at(id.first, id.second), "run " + std::to_string(id.first));
  }
  // The model's part has been announced by the pass that is left out, and is not again.
  for (const int32_t r : {1, 2}) {
    EXPECT_EQ(rest.at(r, 0).pass.prefill_run, 0) << r;
    EXPECT_TRUE(rest.at(r, 0).attention_layers.empty()) << r;
    EXPECT_EQ(rest.at(r, 0).spans.size(), whole.at(r, 0).spans.size()) << r;
  }
  EXPECT_EQ(rest.at(0, 1).pass.prefill_run, -1);
  EXPECT_EQ(rest.at(0, 1).attention_layers.size(), 4u);
}

TEST_F(SharedPrefills, EndBetweenTheirRunsWhenStopped) {
  CpuBackend backend(model_.config, model_.weights, {});
  const std::vector<engine::Run> runs = make_runs(Specs{"refreekv:threshold=1%,5%,20%"});
  std::atomic<bool> stop{false};
  int begun = 0;
  PassLog log;
  const bool finished =
      run_experiment(model_.config, backend, nullptr, samples_, runs, options_, log, stop,
                     [&](const Progress&) { stop = ++begun == 2; }, {});
  EXPECT_FALSE(finished);
  ASSERT_EQ(log.order.size(), 2u);
  EXPECT_EQ(log.at(0, 0).pass.finish, FinishReason::max_new_tokens);
  EXPECT_EQ(log.at(1, 0).pass.finish, FinishReason::interrupted);
  EXPECT_EQ(log.at(1, 0).steps.size(), 1u);
}

}  // namespace
}  // namespace kvreel::engine
