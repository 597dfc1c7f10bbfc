// The trace's schema: every table and column with its type, unit and meaning. The only place that
// spells a data set's name.
//
// Rows are only ever appended. Tables that describe passes (steps, spans, ...) hold each pass's
// rows together; a row of `passes` says where its pass ends in each of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tracer/format/columns.h"
#include "tracer/format/tables_attention.h"
#include "tracer/format/tables_inputs.h"
#include "tracer/format/tables_passes.h"
#include "tracer/format/tables_quality.h"
#include "tracer/format/tables_shards.h"

namespace kvreel::tracer {

// Readers accept the same major number; a minor number adds tables, columns and notes, never
// changes them.
inline constexpr int kFormatMajor = 1;
inline constexpr int kFormatMinor = 2;
inline constexpr std::string_view kFormatName = "kvreel-trace";
inline constexpr std::string_view kShardFormatName = "kvreel-trace-shard";

// A trace's files: the main one, and shards, which hold rows of the tables of Volume::many only.
enum class PartKind : uint8_t { main, shard };
constexpr bool part_has(PartKind kind, Volume volume) {
  return kind == PartKind::main || volume == Volume::many;
}

// Every table but the commits, in the order in which a commit flushes them: what is referred to
// before what refers to it.
using Tables = std::tuple<Runs, Tokens, Samples, Names, Rankings, Curves, Steps, Spans, Memory,
                          Attention, AttentionRows, Decisions, Kernels, Fidelity, LostAttention,
                          Scores, Passes, Notes, Shards>;
inline constexpr size_t kTableCount = std::tuple_size_v<Tables>;

// Position of a table in Tables.
template <typename Table, size_t i = 0>
constexpr size_t table_index() {
  static_assert(i < kTableCount, "not a table of the trace");
  if constexpr (std::is_same_v<Table, std::tuple_element_t<i, Tables>>) {
    return i;
  } else {
    return table_index<Table, i + 1>();
  }
}

// Calls visit(Table{}) for every table, in the order of Tables.
template <typename Visit>
void for_each_table(Visit&& visit) {
  [&]<size_t... i>(std::index_sequence<i...>) {
    (visit(std::tuple_element_t<i, Tables>{}), ...);
  }
  (std::make_index_sequence<kTableCount>{});
}

// Number of rows of a table in memory: the length of its first column.
template <typename Table>
size_t row_count(const Table& table) {
  size_t rows = 0;
  bool first = true;
  Table::columns(table,
                 [&](std::string_view, const auto& column, std::string_view, std::string_view) {
                   if (!first) return;
                   first = false;
                   if constexpr (is_list_column<decltype(column)>) {
                     rows = column.rows();
                   } else {
                     rows = column.size();
                   }
                 });
  return rows;
}

// Group of the commit table: time_ns i64, for each table a u64 column of its name with the number
// of its rows that are valid, checksum u64 of what the commit added (tracer/hdf5/commit.h), and
// file_bytes u64, which is written last: a row counts once its file_bytes is not 0. Readers trust
// only rows below the last commit.
inline constexpr std::string_view kCommitGroup = "commit";
inline constexpr std::string_view kCommitTime = "time_ns";
inline constexpr std::string_view kCommitChecksum = "checksum";
inline constexpr std::string_view kCommitFileBytes = "file_bytes";

// Root attributes, written when the trace is created (status is rewritten in place).
inline constexpr std::string_view kAttrFormat = "format";       // text: kFormatName
inline constexpr std::string_view kAttrMajor = "format_major";  // i32
inline constexpr std::string_view kAttrMinor = "format_minor";  // i32
inline constexpr std::string_view kAttrStatus = "status";       // i32: Status
inline constexpr std::string_view kAttrTraceId = "trace_id";    // text: the same in every shard
inline constexpr std::string_view kAttrProvenance =
    "provenance";  // data set: u8, JSON (see docs/trace-format.md)

enum class Status : int32_t { recording = 0, complete = 1, interrupted = 2, recovered = 3 };
inline constexpr std::string_view kStatusNames[] = {"recording", "complete", "interrupted",
                                                    "recovered"};

// Column attributes: unit and meaning of each data set, as fixed text.
inline constexpr std::string_view kAttrUnit = "unit";
inline constexpr std::string_view kAttrMeaning = "meaning";

}  // namespace kvreel::tracer
