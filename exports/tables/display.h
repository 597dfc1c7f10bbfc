// How values look on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "exports/tables/table.h"

namespace kvreel::exports {

// Columns that UTF-8 text takes on a terminal: 2 for East Asian wide characters, 0 for combining
// ones.
size_t display_width(std::string_view text);

// Any bytes as text that a terminal shows on one line and does not obey: control and formatting
// characters as escapes such as \n, \x1b and \u200b, a backslash as \\, ill-formed UTF-8 as U+FFFD,
// spaces at either end as U+2423.
std::string visible(std::string_view bytes);

// `text` cut to `width` columns, the last being an ellipsis where something was cut.
std::string shorten(std::string_view text, size_t width);

// `text` filled with spaces to `width` columns.
std::string pad(std::string_view text, size_t width, bool right_aligned);

// A cell for people: "1.23 ms", "45.6 %", "yes", "-" for none.
std::string human(const Cell& cell, Kind kind);

// 0.4567 -> "45.7 %".
std::string percent(double share);

}  // namespace kvreel::exports
