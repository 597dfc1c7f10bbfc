// Tables of what runs kept, and the comparison of runs.
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "exports/tables/compare.h"
#include "exports/tables/definitions.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

// n, mean, sd, least, most, and the 95 % interval of the mean.
void send_spread(RowSink& sink, Row row, std::vector<double> values) {
  const Spread spread = *spread_of(std::move(values));
  const std::optional<MeanInterval> interval = mean_interval_of(spread);
  send(sink, std::move(row), whole(spread.n), Cell(spread.mean), Cell(spread.sd),
       Cell(spread.least), Cell(spread.most), interval ? Cell(interval->low) : Cell(),
       interval ? Cell(interval->high) : Cell());
}

// Kept / cached positions of a pass after prefill by layer, KV heads together.
std::map<int32_t, double> layer_budgets(const Source& source, t::RowRange decisions) {
  struct Counts {
    int64_t kept = 0;
    int64_t cached = 0;
  };
  std::map<int32_t, Counts> layers;
  for_each_row<t::Decisions>(source.trace, decisions,
                             [&](const t::Decisions& block, size_t i, uint64_t) {
                               if (block.step[i] != 0) return;
                               if (!source.selection.layer(block.layer[i])) return;
                               Counts& counts = layers[block.layer[i]];
                               counts.kept += block.kept[i];
                               counts.cached += block.cached[i];
                             });
  std::map<int32_t, double> budgets;
  for (const auto& [layer, counts] : layers) {
    if (counts.cached <= 0) continue;
    budgets[layer] = static_cast<double>(counts.kept) / static_cast<double>(counts.cached);
  }
  return budgets;
}

void budgets(const Source& source, RowSink& sink) {
  std::map<std::tuple<int32_t, size_t, int32_t>, std::vector<double>> shares;  // run, group, layer
  const std::vector<uint64_t> ends =
      source.trace.read_column(&t::Passes::decisions_end, 0, source.passes.size());
  for_each_whole_pass(source, [&](size_t pass) {
    const size_t group = source.groups.of(source.passes.sample[pass]);
    for (const auto& [layer, budget] : layer_budgets(source, source.passes.rows(ends, pass)))
      shares[{source.passes.run[pass], group, layer}].push_back(budget);
  });
  for (auto& [key, values] : shares) {
    const auto& [run, group, layer] = key;
    Row row = run_cells(source, run, group);
    row.push_back(whole(layer));
    send_spread(sink, std::move(row), std::move(values));
  }
}

void budget_summary(const Source& source, RowSink& sink) {
  std::map<std::pair<int32_t, size_t>, std::vector<double>> budgets;  // by (run, group)
  const std::vector<double> of_pass =
      source.trace.read_column(&t::Passes::budget, 0, source.passes.size());
  for_each_whole_pass(source, [&](size_t pass) {
    const size_t group = source.groups.of(source.passes.sample[pass]);
    budgets[{source.passes.run[pass], group}].push_back(of_pass[pass]);
  });
  for (auto& [key, values] : budgets) {
    std::erase_if(values, [](double value) { return is_none(Cell(value)); });
    if (values.empty()) continue;
    send_spread(sink, run_cells(source, key.first, key.second), std::move(values));
  }
}

Comparison compare_selected(const Source& source) {
  return compare(source.trace, {.reference = source.reference,
                                .by = source.by,
                                .runs = source.filter.runs,
                                .samples = source.filter.samples});
}

// The comparison as rows; its columns are those of compare_table().
void comparison(const Source& source, RowSink& sink) {
  for (const Row& row : compare_table(compare_selected(source)).rows) sink.row(row);
}

}  // namespace

std::vector<Definition> result_tables() {
  using namespace column;
  return {
      {"budgets",
       "Kept / prompt positions by layer after prefill, over samples; 95 % interval of the mean "
       "(Student's t)",
       {text("run"), count("layer"), count("samples"), share("mean"), share("sd"), share("min"),
        share("max"), share("mean_low"), share("mean_high")},
       budgets,
       1},
      {"budget_summary",
       "Kept / prompt positions after prefill, mean over layers, over samples; 95 % interval of "
       "the mean (Student's t)",
       {text("run"), count("samples"), share("mean"), share("sd"), share("min"), share("max"),
        share("mean_low"), share("mean_high")},
       budget_summary,
       1},
      {"compare", "Runs beside a reference: memory, output, time",
       compare_table(Comparison{}).columns, comparison, std::nullopt, true}};
}

}  // namespace kvreel::exports
