// Standard output.
#pragma once

#include <cstddef>

namespace kvreel::cli {

// Columns to lay text out for: the terminal's, or what fits a page where there is none.
std::size_t output_width();

// Throws Error where the pipe or the disk did not take everything.
void flush_output();

}  // namespace kvreel::cli
