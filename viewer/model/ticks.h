// Where axes have ticks, and how their numbers look.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvreel::viewer {

// Multiples of 1, 2 or 5 times a power of ten within [low, high], at most `most` of them.
std::vector<double> decimal_ticks(double low, double high, int most);
// Of token positions: multiples of a power of two from 1 on.
std::vector<int64_t> binary_ticks(double low, double high, int most);
// Powers of ten within [low, high]; both above 0.
std::vector<double> power_ticks(double low, double high);

// 32768 -> "32 768" with thin spaces, from five digits on.
std::string grouped(int64_t number);
// A share as a percentage with three significant digits: 0.01234 -> "1.23 %", 0.871 -> "87.1 %".
std::string percent_of(double share);
// The same without zeros at the end, for ticks: 0.01 -> "1 %".
std::string tick_percent(double share);
// What a person typed as a share in per cent: "1", "1 %", "0.5%". False where it is no number.
bool parse_percent(const std::string& text, double& share);
// 1 -> "1st".
std::string ordinal(int64_t number);

}  // namespace kvreel::viewer
