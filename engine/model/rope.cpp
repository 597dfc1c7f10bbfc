// Rotary position embedding: frequencies, and tables of cosines and sines by position.
#include "engine/model/rope.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace kvreel::engine {
namespace {

// transformers' _compute_llama3_parameters: long waves are stretched by `factor`, short ones left
// alone, and those between mixed by how many of them fit into the original context.
void scale_llama3(const RopeConfig& rope, std::vector<double>& frequencies) {
  const double original = double(rope.original_max_positions);
  for (double& frequency : frequencies) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < original / rope.high_freq_factor) continue;
    if (wavelength > original / rope.low_freq_factor) {
      frequency /= rope.factor;
      continue;
    }
    const double unscaled = (original / wavelength - rope.low_freq_factor) /
                            (rope.high_freq_factor - rope.low_freq_factor);
    frequency *= (1 - unscaled) / rope.factor + unscaled;
  }
}

// transformers' _compute_yarn_parameters (YaRN, arXiv 2309.00071, section 3.2): pairs that turn
// more than beta_fast times within the original context keep their frequency, those below beta_slow
// turns are stretched by `factor`, and a linear ramp over the pairs' indices lies between.
void scale_yarn(const RopeConfig& rope, int head_dim, std::vector<double>& frequencies) {
  const auto pair_that_turns = [&](double turns) {
    const double original = double(rope.original_max_positions);
    return head_dim * std::log(original / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(rope.theta));
  };
  double low = pair_that_turns(rope.beta_fast);
  double high = pair_that_turns(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, double(head_dim - 1));
  if (low == high) high += 0.001;  // the reference's guard against a ramp of no width
  for (size_t pair = 0; pair < frequencies.size(); ++pair) {
    const double stretched = std::clamp((double(pair) - low) / (high - low), 0.0, 1.0);
    frequencies[pair] *= stretched / rope.factor + (1 - stretched);
  }
}

}  // namespace

std::vector<double> rope_inverse_frequencies(const RopeConfig& rope, int head_dim) {
  assert(head_dim > 0 && head_dim % 2 == 0);
  std::vector<double> frequencies(size_t(head_dim) / 2);
  for (size_t pair = 0; pair < frequencies.size(); ++pair) {
    frequencies[pair] = 1 / std::pow(rope.theta, 2 * double(pair) / head_dim);
  }
  switch (rope.type) {
    case RopeType::standard:
      break;
    case RopeType::linear:
      for (double& frequency : frequencies) frequency /= rope.factor;
      break;
    case RopeType::llama3:
      scale_llama3(rope, frequencies);
      break;
    case RopeType::yarn:
      scale_yarn(rope, head_dim, frequencies);
      break;
  }
  return frequencies;
}

RopeTable make_rope_table(const RopeConfig& rope, int head_dim, int64_t positions) {
  assert(positions >= 0);
  const std::vector<double> frequencies = rope_inverse_frequencies(rope, head_dim);
  const size_t pairs = frequencies.size();
  RopeTable table;
  table.cos.resize(size_t(positions) * pairs);
  table.sin.resize(size_t(positions) * pairs);
  for (int64_t position = 0; position < positions; ++position) {
    for (size_t pair = 0; pair < pairs; ++pair) {
      const double angle = double(position) * frequencies[pair];
      const size_t at = size_t(position) * pairs + pair;
      table.cos[at] = float(std::cos(angle) * rope.attention_factor);
      table.sin[at] = float(std::sin(angle) * rope.attention_factor);
    }
  }
  return table;
}

}  // namespace kvreel::engine
