// The tables that a trace can be exported as.
#include "exports/tables/tables.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "exports/tables/definitions.h"
#include "exports/tables/trace_set.h"

namespace kvreel::exports {
namespace {

const std::vector<Definition>& definitions() {
  static const std::vector<Definition> kAll = [] {
    std::vector<Definition> all;
    for (std::vector<Definition> group :
         {input_tables(), pass_tables(), attention_tables(), decision_tables(), time_tables(),
          quality_tables(), result_tables()}) {
      std::move(group.begin(), group.end(), std::back_inserter(all));
    }
    return all;
  }();
  return kAll;
}

const Definition& definition_of(std::string_view name) {
  std::vector<std::string> known;
  for (const Definition& definition : definitions()) {
    if (definition.name == name) return definition;
    known.emplace_back(definition.name);
  }
  fail_usage("There is no table '{}'.{}", name, suggest_name(name, known));
}

// "a, b and c" of the tables that take an option.
std::string tables_with(bool TableInfo::*option) {
  std::vector<std::string_view> names;
  for (const TableInfo& info : known_tables()) {
    if (info.*option) names.push_back(info.name);
  }
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? "" : i + 1 < names.size() ? ", " : " and ";
    text += names[i];
  }
  return text;
}

void check_options(const Definition& definition, const TableOptions& options) {
  if (!options.by.empty() && !definition.group_after) {
    fail_usage("Table '{}' has no rows by group: --by goes with {}.", definition.name,
               tables_with(&TableInfo::takes_by));
  }
  if (!options.reference.empty() && !definition.takes_reference) {
    fail_usage("Table '{}' compares nothing: --reference goes with {}.", definition.name,
               tables_with(&TableInfo::takes_reference));
  }
}

// Passes chosen columns on, in the order in which they were asked for.
class ColumnSink : public RowSink {
 public:
  ColumnSink(RowSink& sink, const std::vector<std::string>& columns)
      : sink_(sink), names_(columns) {}

  void head(const TableHead& head) override {
    std::vector<std::string> known;
    for (const Column& column : head.columns) known.push_back(column.name);
    TableHead chosen = head;
    chosen.columns.clear();
    for (const std::string& name : names_) {
      const auto found = std::find(known.begin(), known.end(), name);
      if (found == known.end())
        fail_usage("Table '{}' has no column '{}'.{}", head.name, name, suggest_name(name, known));
      chosen_.push_back(static_cast<size_t>(found - known.begin()));
      chosen.columns.push_back(head.columns[chosen_.back()]);
    }
    sink_.head(chosen);
  }
  void row(std::span<const Cell> cells) override {
    row_.clear();
    for (const size_t i : chosen_) row_.push_back(cells[i]);
    sink_.row(row_);
  }
  void end() override { sink_.end(); }

 private:
  RowSink& sink_;
  std::vector<std::string> names_;
  std::vector<size_t> chosen_;
  Row row_;
};

// Passes rows of one of several traces on, with its name in front.
class TraceRows : public RowSink {
 public:
  TraceRows(RowSink& sink, std::string trace) : sink_(sink), trace_(std::move(trace)) {}

  void head(const TableHead&) override {}
  void row(std::span<const Cell> cells) override {
    row_.assign(1, Cell(trace_));
    row_.insert(row_.end(), cells.begin(), cells.end());
    sink_.row(row_);
  }
  void end() override {}

 private:
  RowSink& sink_;
  std::string trace_;
  Row row_;
};

TableHead head_of(const Definition& definition, const TableOptions& options,
                  const std::vector<std::unique_ptr<Source>>& sources) {
  TableHead head;
  head.name = definition.name;
  head.title = definition.meaning;
  if (!options.reference.empty()) head.metadata.emplace_back("reference", options.reference);
  if (!options.by.empty()) head.metadata.emplace_back("by", options.by);
  for (auto& pair : metadata_of(sources, options.version, options.command))
    head.metadata.push_back(std::move(pair));
  head.columns = definition.columns;
  if (!options.by.empty()) {
    const auto at = head.columns.begin() + static_cast<std::ptrdiff_t>(*definition.group_after);
    head.columns.insert(at, column::text("group"));
  }
  if (sources.size() > 1) head.columns.insert(head.columns.begin(), column::text("trace"));
  return head;
}

}  // namespace

const std::vector<TableInfo>& known_tables() {
  static const std::vector<TableInfo> kInfos = [] {
    std::vector<TableInfo> infos;
    for (const Definition& definition : definitions())
      infos.push_back({definition.name, definition.meaning, definition.group_after.has_value(),
                       definition.takes_reference});
    return infos;
  }();
  return kInfos;
}

void export_table(const std::vector<const tracer::Trace*>& traces, std::string_view table,
                  const TableOptions& options, RowSink& sink) {
  const Definition& definition = definition_of(table);
  check_options(definition, options);
  if (traces.empty()) fail_usage("Table '{}' needs a trace.", table);
  const std::vector<std::unique_ptr<Source>> sources = sources_of(traces, options.filter);
  for (const std::unique_ptr<Source>& source : sources) {
    source->reference = options.reference;
    source->by = options.by;
    if (!options.by.empty()) source->groups = Groups(source->trace, options.by);
  }
  ColumnSink chosen(sink, options.columns);
  RowSink& out = options.columns.empty() ? sink : chosen;
  out.head(head_of(definition, options, sources));
  if (sources.size() == 1) {
    definition.rows(*sources[0], out);
  } else {
    const std::vector<std::string> labels = labels_of(traces);
    for (size_t i = 0; i < sources.size(); ++i) {
      TraceRows rows(out, labels[i]);
      definition.rows(*sources[i], rows);
    }
  }
  out.end();
}

void write_table(std::ostream& out, const std::vector<const tracer::Trace*>& traces,
                 std::string_view table, const TableOptions& options, Format format,
                 const WriteOptions& write) {
  export_table(traces, table, options, *make_writer(out, format, write));
}

Table read_table(const std::vector<const tracer::Trace*>& traces, std::string_view table,
                 const TableOptions& options) {
  TableSink sink;
  export_table(traces, table, options, sink);
  return std::move(sink.table);
}

void export_table(const tracer::Trace& trace, std::string_view table, const Filter& filter,
                  RowSink& sink) {
  export_table({&trace}, table, {.filter = filter}, sink);
}

void write_table(std::ostream& out, const tracer::Trace& trace, std::string_view table,
                 const Filter& filter, Format format, const WriteOptions& options) {
  write_table(out, {&trace}, table, {.filter = filter}, format, options);
}

Table read_table(const tracer::Trace& trace, std::string_view table, const Filter& filter) {
  return read_table({&trace}, table, {.filter = filter});
}

}  // namespace kvreel::exports
