// Tables of what runs kept and answered: budgets, scores, the comparison of runs.
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

// One run on the samples of one group, beside the reference on the same samples.
struct Score {
  int64_t samples = 0;
  int64_t answered = 0;
  int64_t hits = 0;
  int64_t lost = 0;    // the reference's answer is right, the run's is not
  int64_t gained = 0;  // the other way round
  int64_t same = 0;
  int64_t agreement = 0;  // leading tokens equal to the reference's, all samples together

  void add(const SampleComparison& sample, const SampleComparison& reference) {
    ++samples;
    same += !sample.first_differing;
    agreement += sample.agreement;
    if (!sample.exact_match || !reference.exact_match) return;
    ++answered;
    hits += *sample.exact_match;
    lost += *reference.exact_match && !*sample.exact_match;
    gained += *sample.exact_match && !*reference.exact_match;
  }
};

void scores(const Source& source, RowSink& sink) {
  const Comparison comparison = compare_selected(source);
  std::map<std::string, const SampleComparison*> reference;  // by sample
  for (const RunComparison& run : comparison.runs) {
    if (!run.is_reference) continue;
    for (const SampleComparison& sample : run.per_sample) reference[sample.sample] = &sample;
  }
  for (const RunComparison& run : comparison.runs) {
    std::map<size_t, Score> by_group;
    for (const SampleComparison& sample : run.per_sample) {
      const size_t group = source.groups.number(sample.group);
      by_group[group].add(sample, *reference.at(sample.sample));
    }
    for (const auto& [group, score] : by_group) {
      const std::optional<Proportion> share = proportion_of(score.hits, score.answered);
      Row row = {Cell(run.name)};
      if (source.groups.any()) row.push_back(Cell(source.groups.name(group)));
      const auto of = [](int64_t part, int64_t all) {
        return all > 0 ? Cell(static_cast<double>(part) / static_cast<double>(all)) : Cell();
      };
      send(sink, std::move(row), Cell(run.is_reference), whole(score.samples),
           whole(score.answered), whole(score.hits), of(score.hits, score.answered),
           share ? Cell(share->low) : Cell(), share ? Cell(share->high) : Cell(),
           of(score.gained - score.lost, score.answered), whole(score.lost), whole(score.gained),
           whole(score.same), of(score.same, score.samples), of(score.agreement, score.samples));
    }
  }
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
      {"scores",
       "Exact match with its 95 % interval (Wilson), and agreement with the reference",
       {text("run"), text("reference"), count("samples"), count("n"), count("hits"), share("share"),
        share("share_low"), share("share_high"), share("difference"), count("lost"),
        count("gained"), count("same"), share("agreement"), number("agreement_mean", "tokens")},
       scores,
       1,
       true},
      {"compare", "Runs beside a reference: memory, output, time",
       compare_table(Comparison{}).columns, comparison, std::nullopt, true}};
}

}  // namespace kvreel::exports
