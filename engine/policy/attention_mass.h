// Shares of attention: the mean of the last rows, and the fewest positions that hold a given share.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/policy/ranked.h"
#include "engine/statistics.h"

namespace kvreel::engine {

// Mean of the last `rows` attention rows (of all there are where they are fewer): [q_heads, keys].
std::vector<double> mean_last_rows(const AttentionStatistics& statistics, int64_t rows);

// The number of candidates of eviction_order(rows) that may go while the protected rows and the
// candidates behind them hold at least `share` of all scores. Scores are not negative; where all
// are 0 nothing goes. With share = 1 what goes is candidates without any score, and those so small
// that they vanish in the sum (fp64, the largest first).
int64_t mass_cut(const RankedRows& rows, const std::vector<int32_t>& order, double share);

// Divides by the sum, where there is one.
void normalise(std::span<double> values);

}  // namespace kvreel::engine
