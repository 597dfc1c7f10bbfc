// Tables as aligned text for a terminal, as CSV, JSON, Markdown and LaTeX.
#pragma once

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "exports/tables/table.h"

namespace kvreel::exports {

enum class Format : uint8_t { text, csv, json, markdown, latex };

// "text", "csv", "json", "md" or "tex"; throws UsageError for another name.
Format parse_format(std::string_view name);

struct WriteOptions {
  // text: title, trace and hash; CSV: title, metadata and units as lines that start with '#';
  // Markdown: title, and metadata below; LaTeX: both, as comments.
  bool comments = true;
  // CSV: texts of control and formatting characters are shown as escapes, since a terminal would
  // obey them; a program gets them as they are.
  bool terminal = false;
  size_t width = 100;  // text: the widest text columns are shortened to fit; 0: they never are
};

// Writes rows as they come, so that a table need not fit into memory.
//   text  columns aligned by their first rows, numbers for people, "-" for none, control characters
//         as visible escapes
//   csv   RFC 4180 quoting, lines end in LF. None is an empty field, "" an empty text; numbers are
//         the shortest decimals that read back the same; a first field that starts with '#' is
//         quoted. Ill-formed UTF-8 becomes U+FFFD. Texts are exact: one that begins with =, +, - or
//         @ is not changed for the sake of spreadsheets, which may take it for a formula.
//   json  {"table", "title", "metadata": {..}, "columns": [{"name", "unit"}, ..], "rows": [[..],
//         ..]}. None and what is not finite is null.
//   md    a GitHub table; column names in words with their unit, numbers rounded and right-aligned,
//         whatever Markdown would take for its own behind a backslash
//   tex   a tabular of booktabs' rules, otherwise like Markdown. Specials are escaped; characters
//         beyond Latin-1 stay UTF-8 and need XeLaTeX or LuaLaTeX.
// Markdown and LaTeX choose each column's unit (ns, us, ms, s; B, KiB, ...) by its first thousand
// rows.
// The writer throws Error when the stream fails. `out` must outlive it.
std::unique_ptr<RowSink> make_writer(std::ostream& out, Format format,
                                     const WriteOptions& options = {});

void write(std::ostream& out, const Table& table, Format format, const WriteOptions& options = {});

// The table as text.
std::string to_text(const Table& table, const WriteOptions& options = {});

}  // namespace kvreel::exports
