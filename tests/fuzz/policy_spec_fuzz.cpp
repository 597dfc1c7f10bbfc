// Words after --policy: any text gives runs that know their model, or one clear error.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "engine/generate/experiment.h"
#include "engine/model/config.h"
#include "fuzz/check_error.h"
#include "fuzz/parts.h"

namespace {

using kvreel::fuzz::accepts;
using kvreel::fuzz::require;
namespace engine = kvreel::engine;

// One layer, the demo's four, and a model of 32 layers without grouped heads.
const std::array<engine::ModelConfig, 3>& models() {
  static const std::array<engine::ModelConfig, 3> configs = [] {
    std::array<engine::ModelConfig, 3> made;
    for (size_t i = 0; i < made.size(); ++i) {
      engine::ModelConfig& config = made[i];
      config.family = "llama";
      config.vocab_size = 720;
      config.hidden_size = 128;
      config.intermediate_size = 256;
      config.layers = i == 0 ? 1 : i == 1 ? 4 : 32;
      config.q_heads = 8;
      config.kv_heads = i == 2 ? 8 : 4;
      config.head_dim = 16;
      config.max_positions = 512;
      config.windows.assign(static_cast<size_t>(config.layers), 0);
    }
    return made;
  }();
  return configs;
}

// What the trace says of a run, and what the run asks of a model.
void check(const engine::Run& run) {
  require(kvreel::is_utf8(run.spec.text) || !run.spec.options.empty(), "a name is not UTF-8");
  const auto parameters = run.policy->parameters();
  for (const auto& [key, value] : parameters) {
    require(!key.empty() && !value.empty(), "a parameter has no name or value", key);
  }
  require(run.policy->parameters() == parameters, "parameters differ when asked again");
  for (const engine::ModelConfig& config : models()) {
    accepts([&] {
      run.policy->check(config);
      for (int layer = 0; layer < config.layers; ++layer) {
        const engine::DecisionPoint point{
            .step = 0, .layer = layer, .layers = config.layers, .prompt_tokens = 100};
        if (!run.policy->acts(point)) continue;
        const engine::StatisticsRequest needs = run.policy->needs(point);
        require(needs.last_rows >= 0 && needs.last_queries >= 0, "a negative number of rows");
      }
      run.policy->start_pass(config, 100);
    });
  }
}

}  // namespace

// Specs are separated by newlines, as several --policy options would be.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> specs(1);
  for (const char c : kvreel::fuzz::as_text(data, size)) {
    if (c == '\n') {
      specs.emplace_back();
    } else {
      specs.back().push_back(c);
    }
  }
  accepts([&] {
    const std::vector<engine::Run> runs = engine::make_runs(specs);
    require(!runs.empty(), "a text without a run was taken");
    constexpr size_t kFew = 16;
    for (const engine::Run& run : std::span(runs).first(std::min(runs.size(), kFew))) {
      check(run);
      // The name of a run is what it can be asked for with again.
      const std::array<std::string, 1> again = {run.spec.text};
      const std::vector<engine::Run> same = engine::make_runs(again);
      require(same.size() == 1 && same[0].spec.text == run.spec.text &&
                  same[0].policy->parameters() == run.policy->parameters(),
              "a run's name gives another run", run.spec.text);
    }
  });
  return 0;
}
