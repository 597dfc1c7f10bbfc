// Tables of what eviction did to the output: scores, fidelity to the full cache, attention lost.
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exports/tables/compare.h"
#include "exports/tables/definitions.h"
#include "exports/tables/fidelity.h"
#include "exports/tables/metrics.h"
#include "exports/tables/score_statistics.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

// The mean of what has one, and the ends of its interval; none where there are none.
template <typename Mean>
void add_mean(Row& row, const std::optional<Mean>& mean) {
  const bool has_interval = mean && mean->interval;
  row.push_back(mean ? Cell(mean->mean) : Cell());
  row.push_back(has_interval ? Cell(mean->interval->low) : Cell());
  row.push_back(has_interval ? Cell(mean->interval->high) : Cell());
}

Cell part_of(int64_t part, int64_t all) {
  return all > 0 ? Cell(static_cast<double>(part) / static_cast<double>(all)) : Cell();
}

// One run on the samples of one group, beside the reference on the same samples.
struct GroupOutputs {
  std::vector<const SampleComparison*> samples;
  int64_t same = 0;
  int64_t agreement = 0;  // leading tokens equal to the reference's, all samples together

  void add(const SampleComparison& sample) {
    samples.push_back(&sample);
    same += !sample.first_differing;
    agreement += sample.agreement;
  }
  int64_t size() const { return static_cast<int64_t>(samples.size()); }
};

// Rows by metric: those that the samples are scored by, and exact match where it is none of them.
// Without any score, exact match of no samples.
void scores(const Source& source, RowSink& sink) {
  const Comparison comparison = compare(source.trace, {.reference = source.reference,
                                                       .by = source.by,
                                                       .runs = source.filter.runs,
                                                       .samples = source.filter.samples});
  const MetricScores metrics(source.trace);
  std::vector<std::string> names = metrics.known();
  if (names.empty()) names.emplace_back(kExactMatch);
  for (const RunComparison& run : comparison.runs) {
    std::map<size_t, GroupOutputs> by_group;
    for (const SampleComparison& sample : run.per_sample)
      by_group[source.groups.number(sample.group)].add(sample);
    for (const auto& [group, outputs] : by_group) {
      for (const std::string& metric : names) {
        std::vector<double> mine;
        std::vector<double> theirs;
        for (const SampleComparison* const sample : outputs.samples) {
          if (!metrics.knows(metric)) continue;
          mine.push_back(metrics.of(metric)[sample->pass]);
          theirs.push_back(metrics.of(metric)[sample->reference_pass]);
        }
        const std::optional<MeanScore> score = mean_score(mine);
        if (!score && names.size() > 1) continue;  // the group is scored by another
        std::optional<MeanDifference> difference = paired_difference(mine, theirs);
        if (run.is_reference && difference) difference->interval.reset();  // 0, for certain
        Row row;
        row.emplace_back(run.name);
        if (source.groups.any()) row.emplace_back(source.groups.name(group));
        row.emplace_back(metric);
        row.emplace_back(run.is_reference);
        row.emplace_back(outputs.size());
        row.emplace_back(score ? score->n : int64_t{0});
        row.push_back(score && score->hits ? Cell(*score->hits) : Cell());
        add_mean(row, score);
        add_mean(row, difference);
        send(sink, std::move(row), difference ? Cell(difference->lost) : Cell(),
             difference ? Cell(difference->gained) : Cell(), whole(outputs.same),
             part_of(outputs.same, outputs.size()), part_of(outputs.agreement, outputs.size()));
      }
    }
  }
}

void fidelity(const Source& source, RowSink& sink) {
  for_each_selected<t::Fidelity>(source, &t::Passes::fidelity_end,
                                 [&](const t::Fidelity& block, size_t i, uint64_t) {
                                   send(sink, event_cells(source, block, i), whole(block.token[i]),
                                        Cell(block.kl[i]), Cell(block.same_top[i] != 0),
                                        Cell(block.logprob[i]), Cell(block.reference_logprob[i]));
                                 });
}

void lost_attention(const Source& source, RowSink& sink) {
  for_each_selected<t::LostAttention>(source, &t::Passes::lost_attention_end,
                                      [&](const t::LostAttention& block, size_t i, uint64_t) {
                                        send(sink, event_cells(source, block, i),
                                             whole(block.layer[i]), Cell(block.mean[i]),
                                             Cell(block.max[i]));
                                      });
}

void fidelity_summary(const Source& source, RowSink& sink) {
  const std::vector<PassFidelity> of_pass = read_fidelity(source.trace, source.passes);
  std::map<std::pair<int32_t, size_t>, std::vector<const PassFidelity*>> by_run;  // and group
  for_each_whole_pass(source, [&](size_t pass) {
    const size_t group = source.groups.of(source.passes.sample[pass]);
    by_run[{source.passes.run[pass], group}].push_back(&of_pass[pass]);
  });
  for (const auto& [key, passes] : by_run) {
    const std::optional<FidelitySummary> summary = summary_of(passes);
    if (!summary) continue;
    Row row = run_cells(source, key.first, key.second);
    row.push_back(whole(summary->samples));
    row.push_back(whole(summary->steps));
    add_mean(row, summary->kl);
    row.push_back(summary->kl_p95 ? Cell(*summary->kl_p95) : Cell());
    add_mean(row, summary->same_top);
    add_mean(row, summary->lost);
    row.push_back(summary->worst_layer ? whole(*summary->worst_layer) : Cell());
    row.push_back(summary->worst_layer ? Cell(summary->worst_lost) : Cell());
    sink.row(row);
  }
}

}  // namespace

std::vector<Definition> quality_tables() {
  using namespace column;
  return {
      {"scores",
       "Scores by metric with their 95 % interval (Wilson's of shares, else Student's), their "
       "difference to the reference, paired by sample, and agreement of the outputs",
       {text("run"), text("metric"), text("reference"), count("samples"), count("n"), count("hits"),
        share("score"), share("score_low"), share("score_high"), share("difference"),
        share("difference_low"), share("difference_high"), count("lost"), count("gained"),
        count("same"), share("agreement"), number("agreement_mean", "tokens")},
       scores,
       1,
       true},
      {"fidelity",
       "Next token's distribution beside the full cache's, step by step along the reference's "
       "output",
       {text("run"), text("sample"), count("step"), count("token"), number("kl", "nat"),
        text("same_top"), number("logprob", "nat"), number("reference_logprob", "nat")},
       fidelity},
      {"lost_attention",
       "Attention that the full cache pays to evicted positions, by step and layer: mean over "
       "query heads, and the largest",
       {text("run"), text("sample"), count("step"), count("layer"), share("mean"), share("max")},
       lost_attention},
      {"fidelity_summary",
       "Fidelity to the full cache: means over samples of their means over steps, 95 % intervals "
       "(Student's t; of same_top Wilson's where all are 0 or 1); 95th percentile over all steps",
       {text("run"), count("samples"), count("steps"), number("kl_mean", "nat"),
        number("kl_low", "nat"), number("kl_high", "nat"), number("kl_p95", "nat"),
        share("same_top"), share("same_top_low"), share("same_top_high"), share("lost"),
        share("lost_low"), share("lost_high"), count("worst_layer"), share("worst_layer_lost")},
       fidelity_summary,
       1}};
}

}  // namespace kvreel::exports
