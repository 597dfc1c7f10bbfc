// Measuring pieces of work for observers.
#pragma once

#include <cstdint>

#include "base/steady_clock.h"
#include "engine/observer.h"

namespace kvreel::engine {

// Runs pieces of a step and tells the observer how long each took.
class Timed {
 public:
  Timed(Observer& observer, StepId at)
      : observer_(observer), at_(at), spans_(observer.wants_spans()) {}

  template <typename Work>
  void operator()(Op op, int layer, Work&& work) const {
    if (!spans_) return work();
    const int64_t start = steady_ns();
    work();
    announce(op, layer, start, steady_ns());
  }
  // A piece that was measured elsewhere.
  void announce(Op op, int layer, int64_t start_ns, int64_t end_ns) const {
    if (!spans_) return;
    observer_.on_span(
        {.at = at_, .layer = layer, .op = op, .start_ns = start_ns, .end_ns = end_ns});
  }

 private:
  Observer& observer_;
  StepId at_;
  bool spans_;
};

}  // namespace kvreel::engine
