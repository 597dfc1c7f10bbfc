// The named tables' columns, and the functions that make their rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/tables/rows.h"
#include "exports/tables/table.h"

namespace kvreel::exports {

struct Definition {
  std::string_view name;
  std::string_view meaning;
  std::vector<Column> columns;
  void (*rows)(const Source& source, RowSink& sink);  // in the order of `columns`
  // Behind so many columns there is one for the group, where rows are asked for by group; none:
  // there are no rows by group.
  std::optional<size_t> group_after;
  bool takes_reference = false;
};

std::vector<Definition> input_tables();      // runs, samples, tokens, notes
std::vector<Definition> pass_tables();       // passes, steps, spans, kernels, memory
std::vector<Definition> attention_tables();  // attention, attention_rows
std::vector<Definition> decision_tables();   // decisions, evictions, curves
std::vector<Definition> time_tables();       // ops, layer_ops, kernel_ops, step_latency
std::vector<Definition> result_tables();     // budgets, budget_summary, compare
std::vector<Definition> quality_tables();    // scores, fidelity, lost_attention, fidelity_summary

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

// Sends the row with the cells behind it.
template <typename... Cells>
void send(RowSink& sink, Row row, Cells&&... cells) {
  (row.push_back(std::forward<Cells>(cells)), ...);
  sink.row(row);
}

// The cells that rows of single events begin with: run, sample, step.
template <typename Table>
Row event_cells(const Source& source, const Table& block, size_t i) {
  return {Cell(source.labels.run(block.run[i])), Cell(source.labels.sample(block.sample[i])),
          whole(block.step[i])};
}

// The cells that rows of summaries begin with: the run, and the group where rows are by group.
inline Row run_cells(const Source& source, int32_t run, size_t group) {
  Row row = {Cell(source.labels.run(run))};
  if (source.groups.any()) row.push_back(Cell(source.groups.name(group)));
  return row;
}

}  // namespace kvreel::exports
