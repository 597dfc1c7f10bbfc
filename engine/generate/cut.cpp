// Cutting, announcing and replaying.
#include "engine/generate/cut.h"

#include <cstddef>

#include "base/steady_clock.h"
#include "engine/generate/timed.h"

namespace kvreel::engine {
namespace {

int layer_of(const Decision& decision, const LayerDecisions& decided) {
  return decision.layer < 0 ? decided.layer : decision.layer;
}

}  // namespace

void announce_memory(const KvCache& cache, StepId at, int layer, MemoryCause cause,
                     Observer& observer) {
  observer.on_memory(
      {.at = at, .layer = layer, .cause = cause, .time_ns = steady_ns(), .cache = cache.bytes()});
}

LayerDecisions decide(const Policy& policy, const LayerView& view) {
  LayerDecisions decided{.layer = view.point.layer};
  decided.start_ns = steady_ns();
  decided.decisions = policy.decide(view);
  decided.end_ns = steady_ns();
  return decided;
}

int64_t cut_and_announce(const LayerDecisions& decided, KvCache& cache, StepId at,
                         Observer& observer) {
  const int64_t start = steady_ns();
  for (const Decision& decision : decided.decisions) {
    cache.keep(layer_of(decision, decided), decision.kv_head, decision.kept);
  }
  const int64_t end = steady_ns();
  Timed(observer, at).announce(Op::keep, decided.layer, start, end);
  for (const Decision& decision : decided.decisions) {
    if (decision.provisional) continue;
    observer.on_decision({.at = at,
                          .layer = layer_of(decision, decided),
                          .decision = decision,
                          .start_ns = decided.start_ns,
                          .end_ns = decided.end_ns});
  }
  if (!decided.decisions.empty()) {
    announce_memory(cache, at, decided.layer, MemoryCause::keep, observer);
  }
  return end - start;
}

int64_t replay(const PromptDecisions& decided, const KvCache& full, KvCache& cache, StepId at,
               Observer& observer) {
  int64_t cutting_ns = 0;
  size_t next = 0;
  for (int layer = 0; layer < full.shape().layers; ++layer) {
    cache.copy_layer(layer, full);
    announce_memory(cache, at, layer, MemoryCause::append, observer);
    if (next < decided.size() && decided[next].layer == layer) {
      cutting_ns += cut_and_announce(decided[next++], cache, at, observer);
    }
  }
  return cutting_ns;
}

}  // namespace kvreel::engine
