// Where a threshold cuts a recorded norm curve.
#pragma once

#include <cstdint>
#include <span>

namespace kvreel::exports {

// The largest i with double(distance[i]) <= threshold, 0 where there is none, as where distance[0]
// is NaN: the cut that the engine makes (engine/policy/norm_curve.h, cut_at). `distance` is
// non-decreasing.
int64_t cut_at(std::span<const float> distance, double threshold);

}  // namespace kvreel::exports
