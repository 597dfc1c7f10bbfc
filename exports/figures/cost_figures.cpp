// Figures of time and bytes.
#include "exports/figures/cost_figures.h"

namespace kvreel::exports {

std::vector<FigureDefinition> cost_figures() {
  return {
      {{"latency", "Time of a prefill and of a decode step, by operation",
        "spans, which are recorded unless --no-spans is given"},
       latency},
      {{"step-latency", "Time per token against the decode step", "--max-new-tokens of 2 or more"},
       step_latency},
      {{"cache-bytes", "Cache bytes over time, in one sample", "", FigureScope::sample},
       cache_bytes},
      {{"memory", "Cache bytes after prefill: asked, held, peak", ""}, memory_by_run},
      {{"kernels", "Time on the GPU by operation and kernel",
        "a recording on a GPU, which this version does not make"},
       kernels}};
}

}  // namespace kvreel::exports
