// The schema as a run-time list of data sets, for code that treats all tables alike.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tracer/format/schema.h"

namespace kvreel::tracer {

// What a data set holds of its column.
enum class Part : uint8_t { column, values, ends };

struct DataSetSpec {
  std::string name;  // in its table's group
  ElementType type = ElementType::u8;
  Part part = Part::column;
  std::string_view unit;
  std::string_view meaning;
};

struct TableSpec {
  std::string_view name;
  std::string_view meaning;
  Volume volume = Volume::few;
  std::vector<DataSetSpec> sets;  // a list's values come directly before its ends
};

// Every table in the order of Tables; sets in the order of the table's columns.
std::vector<TableSpec> catalogue();

// Suffix of the data set that holds where a list's rows end.
inline constexpr std::string_view kEndSuffix = "_end";

// The documentation's part that lists every data set, as Markdown.
std::string schema_markdown();

// Replaces the part of `document` between the markers by schema_markdown(); throws Error when a
// marker is missing.
inline constexpr std::string_view kSchemaBegin = "<!-- schema: begin -->\n";
inline constexpr std::string_view kSchemaEnd = "<!-- schema: end -->\n";
std::string with_schema(std::string_view document);

}  // namespace kvreel::tracer
