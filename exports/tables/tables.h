// The tables that a trace can be exported as.
#pragma once

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
};

// Sends a table to `sink`, reading the trace block by block.
//
// Tables of single events (steps, spans, memory, attention, decisions, evictions, curves) have the
// rows of the unfinished pass as well, if there is one; summaries (ops, layer_ops, budgets,
// compare) count finished passes that were not interrupted.
// Throws UsageError for an unknown table, run or sample, with the nearest known name.
void export_table(const tracer::Trace& trace, std::string_view table, const Filter& filter,
                  RowSink& sink);

void write_table(std::ostream& out, const tracer::Trace& trace, std::string_view table,
                 const Filter& filter, Format format, const WriteOptions& options = {});

// The same in memory.
Table read_table(const tracer::Trace& trace, std::string_view table, const Filter& filter = {});

}  // namespace kvreel::exports
