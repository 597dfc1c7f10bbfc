// Walks the schema's visitors into a list of data sets, and prints it.
#include "tracer/format/catalogue.h"

#include <fmt/format.h>

#include "base/error.h"

namespace kvreel::tracer {
namespace {

template <typename Table>
TableSpec describe(Table table) {
  TableSpec spec{Table::kName, Table::kMeaning, Table::kVolume, {}};
  Table::columns(table, [&](std::string_view name, auto& column, std::string_view unit,
                            std::string_view meaning) {
    if constexpr (is_list_column<decltype(column)>) {
      using T = typename std::remove_cvref_t<decltype(column.values)>::value_type;
      spec.sets.push_back({std::string(name), element_type<T>(), Part::values, unit, meaning});
      spec.sets.push_back({std::string(name) + std::string(kEndSuffix), ElementType::u64,
                           Part::ends, "", "one past the row's last value"});
    } else {
      using T = typename std::remove_cvref_t<decltype(column)>::value_type;
      spec.sets.push_back({std::string(name), element_type<T>(), Part::column, unit, meaning});
    }
  });
  return spec;
}

std::string_view shape(const DataSetSpec& set) {
  return set.part == Part::values ? "[values]" : "[rows]";
}

}  // namespace

std::vector<TableSpec> catalogue() {
  std::vector<TableSpec> tables;
  for_each_table([&](auto table) { tables.push_back(describe(std::move(table))); });
  return tables;
}

std::string schema_markdown() {
  std::string out;
  for (const TableSpec& table : catalogue()) {
    out += fmt::format(
        "### /{}\n\n{}.\n\n| data set | type | shape | unit | meaning |\n|---|---|---|---|---|\n",
        table.name, table.meaning);
    for (const DataSetSpec& set : table.sets) {
      out += fmt::format("| `{}` | {} | {} | {} | {} |\n", set.name, element_name(set.type),
                         shape(set), set.unit, set.meaning);
    }
    out += "\n";
  }
  out += fmt::format(
      "### /{}\n\none row per commit.\n\n| data set | type | shape | unit | meaning |\n"
      "|---|---|---|---|---|\n",
      kCommitGroup);
  out += fmt::format(
      "| `{}` | i64 | [commits] | ns | time of the commit, since the trace's clock origin |\n",
      kCommitTime);
  for (const TableSpec& table : catalogue()) {
    out += fmt::format("| `{}` | u64 | [commits] | rows | valid rows of /{} |\n", table.name,
                       table.name);
  }
  out += fmt::format(
      "| `{}` | u64 | [commits] |  | CRC-32 of the bytes that the commit added, see above |\n",
      kCommitChecksum);
  out += fmt::format(
      "| `{}` | u64 | [commits] | B | a file at least this long holds all of them; 0: not a commit "
      "|\n\n",
      kCommitFileBytes);
  return out;
}

std::string with_schema(std::string_view document) {
  const size_t begin = document.find(kSchemaBegin);
  const size_t end = document.find(kSchemaEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    fail("the document lacks the lines '{}' and '{}' between which the schema goes; put them back",
         kSchemaBegin.substr(0, kSchemaBegin.size() - 1),
         kSchemaEnd.substr(0, kSchemaEnd.size() - 1));
  }
  std::string out(document.substr(0, begin + kSchemaBegin.size()));
  out += "\n";
  out += schema_markdown();
  out += document.substr(end);
  return out;
}

}  // namespace kvreel::tracer
