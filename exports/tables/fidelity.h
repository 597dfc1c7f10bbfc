// How far from the full cache eviction led: KL divergence, same top token, attention lost.
//
// Samples are what is drawn from a larger set, so each counts once, however long its output: a
// run's numbers are means over samples of each sample's mean over its steps.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "exports/tables/rows.h"
#include "exports/tables/statistics.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

// Of one pass. Tables that were not recorded leave their part empty.
struct PassFidelity {
  std::vector<float> kl;     // nat, by row of `fidelity`: KL(full cache || run) of the next token
  int64_t same_top = 0;      // of these rows: both have the same most probable token
  std::vector<double> lost;  // by layer, mean over steps of lost_attention.mean; NaN: no rows

  std::optional<double> mean_kl() const;  // over steps
  std::optional<double> same_top_share() const;
  std::optional<double> mean_lost() const;  // over steps and layers
};

// By row of passes.
std::vector<PassFidelity> read_fidelity(const tracer::Trace& trace, const PassList& passes);

// A mean over samples with its 95 % interval: Student's t, but for same_top below.
struct SampleMean {
  int64_t samples = 0;
  double mean = 0;
  std::optional<MeanInterval> interval;
};

// NaN values are left out. Nothing for no values. `low` and `high`: where values cannot lie beyond.
std::optional<SampleMean> sample_mean(std::vector<double> values, double low, double high);

// A run over samples.
struct FidelitySummary {
  int64_t samples = 0;                 // with rows of either table
  int64_t steps = 0;                   // rows of `fidelity`
  std::optional<SampleMean> kl;        // nat
  std::optional<double> kl_p95;        // over the steps of all samples
  std::optional<SampleMean> same_top;  // Wilson's where all shares are 0 or 1
  std::optional<SampleMean> lost;
  std::vector<double> lost_by_layer;  // mean over samples; NaN: no rows
  // The layer that loses most.
  std::optional<int32_t> worst_layer;
  double worst_lost = 0;
};

// Nothing where no pass has rows.
std::optional<FidelitySummary> summary_of(std::span<const PassFidelity* const> passes);

}  // namespace kvreel::exports
