// Tables as aligned text for a terminal, as CSV and as JSON.
#pragma once

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "exports/tables/table.h"

namespace kvreel::exports {

enum class Format : uint8_t { text, csv, json };

// "text", "csv" or "json"; throws UsageError for another name.
Format parse_format(std::string_view name);

struct WriteOptions {
  bool comments = true;  // text: title; CSV: title, metadata and units as lines that start with '#'
  size_t width = 100;    // text: the widest text columns are shortened to fit; 0: they never are
};

// Writes rows as they come, so that a table need not fit into memory.
//   text  columns aligned by their first rows, numbers for people, "-" for none, control characters
//         as visible escapes
//   csv   RFC 4180 quoting, lines end in LF. None is an empty field, "" an empty text; numbers are
//         the shortest decimals that read back the same; a first field that starts with '#' is
//         quoted. Ill-formed UTF-8 becomes U+FFFD.
//   json  {"table", "title", "metadata": {..}, "columns": [{"name", "unit"}, ..], "rows": [[..],
//         ..]}. None and what is not finite is null.
// The writer throws Error when the stream fails. `out` must outlive it.
std::unique_ptr<RowSink> make_writer(std::ostream& out, Format format,
                                     const WriteOptions& options = {});

void write(std::ostream& out, const Table& table, Format format, const WriteOptions& options = {});

// The table as text.
std::string to_text(const Table& table, const WriteOptions& options = {});

}  // namespace kvreel::exports
