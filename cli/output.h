// Standard output and standard error.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace kvreel::cli {

// Columns to lay text out for: the terminal's, or what fits a page where there is none.
std::size_t output_width();

// Throws Error where the pipe or the disk did not take everything.
void flush_output();

// One line on standard error, "kvreel: MESSAGE". Messages quote files, whose bytes may be anything:
// what a terminal would obey is shown as escapes.
void print_message(std::string_view message);

// JSON, indented: what is not UTF-8 as U+FFFD, what a terminal would obey as \u escapes.
void print_json(const nlohmann::ordered_json& value);

}  // namespace kvreel::cli
