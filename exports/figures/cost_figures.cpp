// Figures of time and bytes.
#include "exports/figures/cost_figures.h"

namespace kvreel::exports {

std::vector<FigureDefinition> cost_figures() {
  return {
      {{"latency", "Time of a prefill and of a decode step, by operation", "spans: not --no-spans"},
       latency},
      {{"step-latency", "Time per token against the decode step", "decode steps"}, step_latency},
      {{"cache-bytes", "Cache bytes over time, in one sample", ""}, cache_bytes},
      {{"memory", "Cache bytes after prefill: asked, held, peak", ""}, memory_by_run},
      {{"kernels", "Time on the GPU by operation and kernel", "GPU kernels, which this version does not record"},
       kernels}};
}

}  // namespace kvreel::exports
