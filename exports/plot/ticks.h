// Where axes have ticks.
#pragma once

#include <vector>

#include "exports/plot/figure.h"

namespace kvreel::plot {

struct LinearOptions {
  bool odd_steps = false;  // also 3 and 4, and multiples that skip: the paper's whole list
  bool inside = true;      // all ticks within the range
  bool whole = false;      // whole numbers only
};
// Extended Wilkinson: Talbot, Lin, Hanrahan, "An Extension of Wilkinson's Algorithm for Positioning
// Tick Labels on Axes", InfoVis 2010, with its weights, without its legibility score (labels are
// measured by the axis). Ticks inside the range may stay away from its ends by twice as much as in
// the paper, where they lie around it. About `wanted` ticks (at least 2) for [low, high]; none
// where the range is empty or not finite.
std::vector<double> linear_ticks(double low, double high, int wanted, LinearOptions options = {});

// Multiples of the least power of two, `least` or more, that gives at most `most` ticks in [low,
// high].
std::vector<double> binary_ticks(double low, double high, int most, double least = 1);

// Ticks of a logarithmic axis, the densest choice first: all nine digits of a decade, 1-2-5, 1,
// every second power of ten, ... Each choice lies within [low, high], both above 0.
std::vector<std::vector<double>> log_ticks(double low, double high);
// Powers of two: every one, every second, every fourth, ...
std::vector<std::vector<double>> binary_log_ticks(double low, double high);
// Ticks without labels between powers of ten: 2, 3, ... 9 times each. None over more than `most`
// decades.
std::vector<double> minor_log_ticks(double low, double high, int most = 6);

// Choices for an axis of this kind, from about `wanted` ticks downwards; ticks are distinct,
// ascending, finite and within [low, high]. The axis takes the first whose labels have room.
std::vector<std::vector<double>> tick_choices(Format format, Scale scale, double low, double high,
                                              int wanted);

}  // namespace kvreel::plot
