// The named tables' columns, and the functions that make their rows.
#pragma once

#include <string_view>
#include <vector>

#include "exports/tables/rows.h"
#include "exports/tables/table.h"

namespace kvreel::exports {

struct Definition {
  std::string_view name;
  std::string_view meaning;
  std::vector<Column> columns;
  void (*rows)(const Source& source, RowSink& sink);  // in the order of `columns`
};

std::vector<Definition> input_tables();     // runs, samples, tokens, notes
std::vector<Definition> pass_tables();      // passes, steps, spans, memory, attention
std::vector<Definition> decision_tables();  // decisions, evictions, curves
std::vector<Definition> summary_tables();   // ops, layer_ops, budgets, compare

namespace column {

inline Column text(std::string_view name) {
  return {std::string(name), "", Kind::text};
}
inline Column count(std::string_view name, std::string_view unit = "") {
  return {std::string(name), std::string(unit), Kind::number};
}
inline Column number(std::string_view name, std::string_view unit = "1") {
  return {std::string(name), std::string(unit), Kind::number};
}
inline Column bytes(std::string_view name) {
  return {std::string(name), "B", Kind::bytes};
}
inline Column duration(std::string_view name) {
  return {std::string(name), "ns", Kind::duration};
}
inline Column share(std::string_view name) {
  return {std::string(name), "1", Kind::share};
}

}  // namespace column

// -1 in the trace is none here.
inline Cell unless_negative(int64_t value) {
  return value < 0 ? Cell() : Cell(value);
}
inline Cell whole(int64_t value) {
  return Cell(value);
}
inline Cell string_cell(std::string_view value) {
  return Cell(std::string(value));
}

}  // namespace kvreel::exports
