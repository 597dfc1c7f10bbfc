// The shared pass and the decisions made in it.
#include "engine/generate/shared_prefill.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/steady_clock.h"
#include "engine/generate/forward.h"
#include "engine/generate/timed.h"

namespace kvreel::engine {

// Every policy decides, and nothing is cut.
class SharedPrefill::DecideForAll final : public LayerHook {
 public:
  DecideForAll(std::vector<Member>& members, const SampleContext& context, const KvCache& full,
               StepId at)
      : members_(members),
        context_(context),
        full_(full),
        owner_(at.run),
        timed_(context.observer, at) {}

  StatisticsRequest needs(const DecisionPoint& point) const override {
    StatisticsRequest all;
    for (const Member& member : members_) {
      if (member.policy->acts(point)) all = all.merged(member.policy->needs(point));
    }
    return all;
  }

  void attended(const DecisionPoint& point, const AttentionStatistics& statistics) override {
    const int64_t start = steady_ns();
    for (Member& member : members_) {
      if (!member.policy->acts(point)) continue;
      LayerView view{.point = point,
                     .config = context_.config,
                     .cache = full_,
                     .statistics = statistics,
                     .state = member.state.get()};
      member.decisions.push_back(decide(*member.policy, view));
      if (member.run == owner_) {
        const LayerDecisions& decided = member.decisions.back();
        timed_.announce(Op::decide, point.layer, decided.start_ns, decided.end_ns);
      }
      if (member.twin) {
        view.state = member.twin.get();
        member.policy->decide(view);
      }
    }
    deciding_ns_ += steady_ns() - start;
  }

  int64_t deciding_ns() const { return deciding_ns_; }

 private:
  std::vector<Member>& members_;
  const SampleContext& context_;
  const KvCache& full_;
  int32_t owner_;
  Timed timed_;
  int64_t deciding_ns_ = 0;
};

bool SharedPrefill::is_member(int32_t run) const {
  return std::any_of(members_.begin(), members_.end(),
                     [&](const Member& member) { return member.run == run; });
}

SharedPrefill::SharedPrefill(const SampleContext& context, int32_t owner,
                             std::span<const Sharer> sharers, bool twins)
    : owner_(owner), full_(context.cache_shape(), context.backend.kv_memory()) {
  const int64_t prompt = context.prompt_tokens();
  if (prompt == 0) fail("Prompt '{}' is empty: it has no tokens to run.", context.sample.id);
  for (const Sharer& sharer : sharers) {
    Member member{.run = sharer.run,
                  .policy = sharer.policy,
                  .state = sharer.policy->start_pass(context.config, prompt)};
    if (twins && member.state) member.twin = sharer.policy->start_pass(context.config, prompt);
    members_.push_back(std::move(member));
  }

  const StepId at{owner_, context.sample_index, 0};
  Observer nobody;
  Observer& observer = is_member(owner) ? context.observer : nobody;
  DecideForAll hook(members_, context, full_, at);
  start_ns_ = steady_ns();
  const std::span<const float> logits = run_layers({.backend = context.backend,
                                                    .cache = full_,
                                                    .observer = observer,
                                                    .config = context.config,
                                                    .prompt_tokens = prompt},
                                                   at, context.sample.tokens, 0, hook);
  // The random number depends on the sample and the step alone: every run draws the same token.
  Timed(observer, at)(Op::sample, -1, [&] {
    first_ = sample_token(logits, context.options.sampling, context.sample_index, 0);
  });
  model_ns_ = steady_ns() - start_ns_ - hook.deciding_ns();
}

PrefillShare SharedPrefill::share(size_t sharer) {
  Member& member = members_[sharer];
  return {.full = full_,
          .decisions = member.decisions,
          .state = std::move(member.state),
          .first = first_,
          .start_ns = start_ns_,
          .model_ns = model_ns_,
          .owner = owner_};
}

std::unique_ptr<PassState> SharedPrefill::twin(size_t sharer) {
  return std::move(members_[sharer].twin);
}

}  // namespace kvreel::engine
