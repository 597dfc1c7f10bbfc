// One forward pass over a prompt for several runs.
//
// In step 0 attention sees every key, whatever a policy evicts, and no layer's decision changes
// what another layer sees: one pass serves every run. Each policy decides on the uncut layers, from
// statistics that are the union of what all ask for; each run's cache is then made from the full
// one, as its own prefill would have made it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/generate/pass.h"
#include "engine/policy/policy.h"

namespace kvreel::engine {

// A run that takes part.
struct Sharer {
  int32_t run = 0;
  const Policy* policy = nullptr;
};

class SharedPrefill {
 public:
  // Runs the prompt. `owner` is the run that announces the model's part, spans and attention: one
  // of `sharers`, or one that announced it in an earlier recording of the same prompt, and nothing
  // of it is announced again. With `twins`, every policy that remembers something decides twice, so
  // that two passes can go on from here; only the first time is measured. Throws Error where the
  // prompt has no tokens.
  SharedPrefill(const SampleContext& context, int32_t owner, std::span<const Sharer> sharers,
                bool twins);

  // What the pass of one sharer starts from. Once each: its policy's memory moves out.
  PrefillShare share(size_t sharer);
  // A second memory of the same decisions, null where the policy remembers nothing. Once each.
  std::unique_ptr<PassState> twin(size_t sharer);

  const PromptDecisions& decisions(size_t sharer) const { return members_[sharer].decisions; }
  // The prompt's cache, uncut. Who appends to it cuts it back.
  KvCache& full() { return full_; }

 private:
  struct Member {
    int32_t run = 0;
    const Policy* policy = nullptr;
    std::unique_ptr<PassState> state;
    std::unique_ptr<PassState> twin;
    PromptDecisions decisions;
  };
  class DecideForAll;
  bool is_member(int32_t run) const;

  int32_t owner_;
  std::vector<Member> members_;
  KvCache full_;
  Sampled first_;
  int64_t start_ns_ = 0;
  int64_t model_ns_ = 0;
};

}  // namespace kvreel::engine
