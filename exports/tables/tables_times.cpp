// Tables that summarise passes: operations, budgets, the comparison of runs.
#include <map>
#include <tuple>

#include "exports/tables/compare.h"
#include "exports/tables/definitions.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

// Calls use(pass) for every selected pass that finished and was not interrupted.
template <typename Use>
void for_each_whole_pass(const Source& source, Use&& use) {
  for (size_t pass = 0; pass < source.passes.size(); ++pass) {
    const bool wanted = source.selection.run(source.passes.run[pass]) &&
                        source.selection.sample(source.passes.sample[pass]) &&
                        !source.passes.interrupted(pass);
    if (wanted) use(pass);
  }
}

// Durations by (run, decode, operation, layer); layer kAllLayers where layers are not told apart.
using OpKey = std::tuple<int32_t, bool, int8_t, int32_t>;
constexpr int32_t kAllLayers = -2;

std::map<OpKey, std::vector<double>> op_durations(const Source& source, bool by_layer) {
  std::map<OpKey, std::vector<double>> durations;
  const std::vector<uint64_t> ends =
      source.trace.read_column(&t::Passes::spans_end, 0, source.passes.size());
  for_each_whole_pass(source, [&](size_t pass) {
    const int32_t run = source.passes.run[pass];
    for_each_row<t::Spans>(source.trace, source.passes.rows(ends, pass),
                           [&](const t::Spans& block, size_t i, uint64_t) {
                             if (!source.selection.step(block.step[i])) return;
                             if (!source.selection.layer(block.layer[i])) return;
                             const OpKey key(run, block.step[i] > 0, block.op[i],
                                             by_layer ? block.layer[i] : kAllLayers);
                             durations[key].push_back(static_cast<double>(block.duration_ns[i]));
                           });
  });
  return durations;
}

void write_ops(const Source& source, RowSink& sink, bool by_layer) {
  std::map<OpKey, std::vector<double>> durations = op_durations(source, by_layer);
  std::map<std::pair<int32_t, bool>, double> totals;  // by (run, decode)
  for (const auto& [key, values] : durations) {
    for (const double value : values) totals[{std::get<0>(key), std::get<1>(key)}] += value;
  }
  for (auto& [key, values] : durations) {
    const auto& [run, decode, op, layer] = key;
    const double all = totals[{run, decode}];
    double total = 0;
    for (const double value : values) total += value;
    const Spread spread = *spread_of(std::move(values));
    Row row = {Cell(source.labels.run(run)), string_cell(decode ? "decode" : "prefill")};
    if (by_layer) row.push_back(unless_negative(layer));
    for (Cell& cell : std::vector<Cell>{Cell(source.labels.name(op)), whole(spread.n), Cell(total),
                                        Cell(spread.median), Cell(spread.p99),
                                        all > 0 ? Cell(total / all) : Cell()}) {
      row.push_back(std::move(cell));
    }
    sink.row(row);
  }
}

void ops(const Source& source, RowSink& sink) {
  write_ops(source, sink, false);
}
void layer_ops(const Source& source, RowSink& sink) {
  write_ops(source, sink, true);
}

void budgets(const Source& source, RowSink& sink) {
  struct Counts {
    int64_t kept = 0;
    int64_t cached = 0;
  };
  std::map<std::pair<int32_t, int32_t>, std::vector<double>> shares;  // by (run, layer)
  const std::vector<uint64_t> ends =
      source.trace.read_column(&t::Passes::decisions_end, 0, source.passes.size());
  for_each_whole_pass(source, [&](size_t pass) {
    std::map<int32_t, Counts> layers;  // KV heads together
    for_each_row<t::Decisions>(source.trace, source.passes.rows(ends, pass),
                               [&](const t::Decisions& block, size_t i, uint64_t) {
                                 if (block.step[i] != 0) return;
                                 if (!source.selection.layer(block.layer[i])) return;
                                 Counts& counts = layers[block.layer[i]];
                                 counts.kept += block.kept[i];
                                 counts.cached += block.cached[i];
                               });
    for (const auto& [layer, counts] : layers) {
      if (counts.cached <= 0) continue;
      shares[{source.passes.run[pass], layer}].push_back(static_cast<double>(counts.kept) /
                                                         static_cast<double>(counts.cached));
    }
  });
  for (auto& [key, values] : shares) {
    const Spread spread = *spread_of(std::move(values));
    sink.row(Row{Cell(source.labels.run(key.first)), whole(key.second), whole(spread.n),
                 Cell(spread.mean), Cell(spread.sd), Cell(spread.least), Cell(spread.most)});
  }
}

// The comparison as rows; its columns are those of compare_table().
void comparison(const Source& source, RowSink& sink) {
  CompareOptions options;
  options.runs = source.filter.runs;
  options.samples = source.filter.samples;
  for (const Row& row : compare_table(compare(source.trace, options)).rows) sink.row(row);
}

}  // namespace

std::vector<Definition> summary_tables() {
  using namespace column;
  return {{"ops",
           "Time by operation and phase; share of the run's operations in the phase",
           {text("run"), text("phase"), text("op"), count("count"), duration("total_ns"),
            duration("median_ns"), duration("p99_ns"), share("share")},
           ops},
          {"layer_ops",
           "Time by operation, phase and layer; share of the run's operations in the phase",
           {text("run"), text("phase"), count("layer"), text("op"), count("count"),
            duration("total_ns"), duration("median_ns"), duration("p99_ns"), share("share")},
           layer_ops},
          {"budgets",
           "Kept / prompt positions by layer after prefill, over samples",
           {text("run"), count("layer"), count("samples"), share("mean"), share("sd"), share("min"),
            share("max")},
           budgets},
          {"compare", "Runs beside a reference: memory, output, time",
           compare_table(Comparison{}).columns, comparison}};
}

}  // namespace kvreel::exports
