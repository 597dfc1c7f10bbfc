// A pass by itself, and whether its text is right.
#include "engine/generate/generate.h"

#include <algorithm>

#include "base/text.h"
#include "engine/generate/pass.h"

namespace kvreel::engine {

int exact_match(std::string_view text, std::span<const std::string> answers) {
  if (answers.empty()) return -1;
  return std::any_of(answers.begin(), answers.end(),
                     [&](const std::string& answer) { return trim(answer) == trim(text); })
             ? 1
             : 0;
}

PassResult run_pass(const ModelConfig& config, Backend& backend, const Tokenizer* tokenizer,
                    const Sample& sample, const Policy& policy, const GenerateOptions& options,
                    int32_t run_index, int32_t sample_index, Observer& observer,
                    const std::atomic<bool>& stop) {
  const SampleContext context{.config = config,
                              .backend = backend,
                              .tokenizer = tokenizer,
                              .sample = sample,
                              .sample_index = sample_index,
                              .options = options,
                              .observer = observer,
                              .stop = stop};
  Pass pass(context, run_index, policy);
  pass.prefill();
  pass.decode();
  return pass.finish();
}

}  // namespace kvreel::engine
