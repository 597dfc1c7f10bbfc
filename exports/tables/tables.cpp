// The tables that a trace can be exported as.
#include "exports/tables/tables.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/text.h"
#include "exports/tables/definitions.h"

namespace kvreel::exports {
namespace {

const std::vector<Definition>& definitions() {
  static const std::vector<Definition> kAll = [] {
    std::vector<Definition> all;
    for (std::vector<Definition> group :
         {input_tables(), pass_tables(), decision_tables(), summary_tables()}) {
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

}  // namespace

const std::vector<TableInfo>& known_tables() {
  static const std::vector<TableInfo> kInfos = [] {
    std::vector<TableInfo> infos;
    for (const Definition& definition : definitions())
      infos.push_back({definition.name, definition.meaning});
    return infos;
  }();
  return kInfos;
}

void export_table(const tracer::Trace& trace, std::string_view table, const Filter& filter,
                  RowSink& sink) {
  const Definition& definition = definition_of(table);
  const Source source(trace, filter);
  TableHead head;
  head.name = definition.name;
  head.title = definition.meaning;
  head.metadata = metadata_of(source);
  head.columns = definition.columns;
  sink.head(head);
  definition.rows(source, sink);
  sink.end();
}

void write_table(std::ostream& out, const tracer::Trace& trace, std::string_view table,
                 const Filter& filter, Format format, const WriteOptions& options) {
  export_table(trace, table, filter, *make_writer(out, format, options));
}

Table read_table(const tracer::Trace& trace, std::string_view table, const Filter& filter) {
  TableSink sink;
  export_table(trace, table, filter, sink);
  return std::move(sink.table);
}

}  // namespace kvreel::exports
