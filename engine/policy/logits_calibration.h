// HARD-KV's calibration of scores (hard_kv.cpp says what it is for): one temperature, so that a
// share of the mass means as many positions for any score as it does for raw attention.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kvreel::engine {

inline constexpr double kLeastTemperature = 0.001;  // the published bounds
inline constexpr double kMostTemperature = 10;

// Mean over rows of softmax(logits / temperature): [keys]. logits: [rows, keys].
std::vector<double> mean_softmax(std::span<const double> logits, int64_t keys, double temperature);

// Fewest of the values, largest first, that sum up to `share` of all.
int64_t fewest_with_share(std::vector<double> values, double share);

// The temperature, within the bounds, at which the `count` largest values of mean_softmax() sum up
// to `share`: the sum falls as the temperature rises, and is halved in on, from above. A bound
// where the sum never gets there.
double fit_temperature(std::span<const double> logits, int64_t keys, int64_t count, double share);

// The largest of `kernel` neighbours, centred, in every row.
std::vector<double> largest_of_neighbours(std::span<const double> logits, int64_t keys,
                                          int64_t kernel);

}  // namespace kvreel::engine
