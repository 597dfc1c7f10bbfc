// Tables of comma-separated values (RFC 4180): quoted fields may hold commas, quotes and lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::engine {

struct CsvRow {
  int64_t line = 0;  // of the file, from 1, where the row begins
  std::vector<std::string> fields;
};

// Every row, the header included; empty lines are left out. `name` is the file's, for messages.
// Throws Error with the line of a quote that is not closed, or that is followed by more text.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name);

}  // namespace kvreel::engine
