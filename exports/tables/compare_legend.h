// What the columns of the comparison as text mean.
#pragma once

#include <string>

#include "exports/tables/compare.h"

namespace kvreel::exports {

// Lines for the columns that the comparison has, but for those of bandwidth. Ends in a newline.
std::string compare_legend(const Comparison& comparison);

}  // namespace kvreel::exports
