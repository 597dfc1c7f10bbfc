// The tables that a trace can be exported as.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "exports/tables/table.h"
#include "exports/tables/writers.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

struct TableInfo {
  std::string_view name;
  std::string_view meaning;
  bool takes_by = false;         // TableOptions::by
  bool takes_reference = false;  // TableOptions::reference
};

// Every table, in the order in which a list should show them.
const std::vector<TableInfo>& known_tables();

// Which rows are wanted. Tables ignore what they have no column for.
struct Filter {
  std::vector<std::string> runs;     // names; empty: all
  std::vector<std::string> samples;  // ids, or numbers of samples from 0; empty: all
  std::optional<int32_t> layer;
  int32_t first_step = 0;
  int32_t last_step = std::numeric_limits<int32_t>::max();  // inclusive
  auto operator<=>(const Filter&) const = default;
};

struct TableOptions {
  Filter filter;
  std::string reference;  // run that others are compared with; "": full, else the first
  std::string by;  // a field of the samples' metadata: rows by its value, in a column 'group'
  std::vector<std::string> columns;  // which, in this order; empty: all
  std::string command;               // into the metadata
  std::string version;               // of the program that writes, likewise
};

// Sends a table of one or more traces to `sink`, reading them block by block. Of several, rows come
// trace by trace, and the first column, 'trace', says which. Traces must not change meanwhile.
//
// Tables of single events (steps, spans, kernels, memory, attention, attention_rows, decisions,
// evictions, curves, fidelity, lost_attention) have the rows of the unfinished pass as well, if
// there is one; summaries (ops, layer_ops, kernel_ops, step_latency, budgets, budget_summary,
// scores, fidelity_summary, compare) count finished passes that were not interrupted. Throws
// UsageError for an unknown table, run, sample, field or column, with the nearest known name, and
// for an option that the table does not take.
void export_table(const std::vector<const tracer::Trace*>& traces, std::string_view table,
                  const TableOptions& options, RowSink& sink);
void write_table(std::ostream& out, const std::vector<const tracer::Trace*>& traces,
                 std::string_view table, const TableOptions& options, Format format,
                 const WriteOptions& write = {});

// The same of one trace.
void export_table(const tracer::Trace& trace, std::string_view table, const Filter& filter,
                  RowSink& sink);
void write_table(std::ostream& out, const tracer::Trace& trace, std::string_view table,
                 const Filter& filter, Format format, const WriteOptions& options = {});

// The same in memory.
Table read_table(const tracer::Trace& trace, std::string_view table, const Filter& filter = {});
Table read_table(const std::vector<const tracer::Trace*>& traces, std::string_view table,
                 const TableOptions& options = {});

}  // namespace kvreel::exports
