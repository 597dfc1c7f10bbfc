// Traces for benchmarks, of any size, made by the recorder's own code: times and durations are as
// irregular as measured ones, since regular ones compress to nothing.
#pragma once

#include <cstdint>
#include <string>

#include "tracer/format/schema.h"

namespace kvreel::benchmarks {

// The same numbers on every machine (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next();
  double uniform();  // in (0, 1)
  double normal();   // mean 0, variance 1 (Box and Muller's)
  // exp of a normal distribution with standard deviation `sigma` around log(median).
  int64_t log_normal(double median, double sigma);

 private:
  uint64_t state_;
};

// What a GPU's trace has: decode steps of a 32-layer model, 12 kernels a layer and 6 beside them,
// of 30 names, in the same order each step. Durations are log-normal by name (medians 1.5 to 60 us,
// sigma 0.05 to 0.35), gaps log-normal (median 0.9 us, sigma 0.6), in front of each step 20 us to
// some 100 us for the host; one kernel in a thousand is late by much.
class KernelStream {
 public:
  static constexpr int kLayers = 32;
  static constexpr int kNames = 30;
  static constexpr int kKernelsOfStep = 12 * kLayers + 6;

  explicit KernelStream(uint64_t seed) : random_(seed) {}
  // The kernels of one step, from now_ns() on.
  void append_step(tracer::Kernels& rows, int32_t run, int32_t sample, int32_t step);
  int64_t now_ns() const { return now_ns_; }
  Random& random() { return random_; }

 private:
  Random random_;
  int64_t now_ns_ = 0;
};

// `count` rows of KernelStream.
tracer::Kernels kernel_rows(uint64_t seed, uint64_t count);

enum class Finish : uint8_t { yes, no };  // no: closed as a recorder that was stopped leaves it

struct MixedTrace {
  std::string path;
  uint64_t events = 0;  // spans, kernels and decisions
  uint64_t spans = 0;
  uint64_t kernels = 0;
  uint64_t decisions = 0;
  int64_t end_ns = 0;
};

// About `events` events as a recording of a 32-layer model on a GPU mixes them: passes of 64 steps
// with spans, kernels and memory, 3 runs on each sample, one decision a layer with its norm curve
// over 512 candidates. Throws Error where rows were dropped.
MixedTrace make_mixed_trace(const std::string& path, uint64_t events, Finish finish);

// `runs` policies on `samples` prompts of 64 tokens, 4 layers, 32 generated tokens, with answers,
// a score by token F1, fidelity of every token, and "task" (7 of them) in the metadata.
void make_compared_trace(const std::string& path, int samples, int runs);

}  // namespace kvreel::benchmarks
