// Runs beside a reference: as JSON and as a table.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "exports/tables/compare.h"
#include "exports/tables/metrics.h"

namespace kvreel::exports {
namespace {

using nlohmann::ordered_json;

ordered_json real(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json();
}
ordered_json real(const std::optional<double>& value) {
  return value ? real(*value) : ordered_json();
}
ordered_json spread_json(const std::optional<Spread>& spread) {
  if (!spread) return {};
  return {{"n", spread->n},
          {"mean", real(spread->mean)},
          {"sd", real(spread->sd)},
          {"median", real(spread->median)},
          {"p10", real(spread->p10)},
          {"p90", real(spread->p90)},
          {"min", real(spread->least)},
          {"max", real(spread->most)}};
}
ordered_json proportion_json(const std::optional<Proportion>& proportion) {
  if (!proportion) return {};
  return {{"hits", proportion->hits},
          {"n", proportion->n},
          {"share", proportion->share()},
          {"wilson95", {proportion->low, proportion->high}}};
}

ordered_json interval_json(const std::optional<MeanInterval>& interval) {
  return interval ? ordered_json({real(interval->low), real(interval->high)}) : ordered_json();
}

// Object by metric.
ordered_json scores_json(const std::vector<MetricComparison>& scores, const Comparison& facts) {
  ordered_json json = ordered_json::object();
  for (size_t i = 0; i < scores.size(); ++i) {
    ordered_json& metric = json[to_utf8_lossy(facts.metrics[i])];
    const std::optional<MeanScore>& score = scores[i].score;
    if (!score) continue;  // null
    metric = {{"n", score->n},
              {"mean", real(score->mean)},
              {"interval95", interval_json(score->interval)},
              {"interval", score->hits ? "Wilson" : "Student"},
              {"hits", score->hits ? ordered_json(*score->hits) : ordered_json()}};
    const std::optional<MeanDifference>& difference = scores[i].difference;
    if (!difference) continue;
    metric["difference"] = {{"n", difference->n},
                            {"mean", real(difference->mean)},
                            {"interval95", interval_json(difference->interval)},
                            {"lost", difference->lost},
                            {"gained", difference->gained}};
  }
  return json;
}

ordered_json sample_mean_json(const std::optional<SampleMean>& mean) {
  if (!mean) return {};
  return {{"samples", mean->samples},
          {"mean", real(mean->mean)},
          {"student95", interval_json(mean->interval)}};
}

ordered_json fidelity_json(const std::optional<FidelitySummary>& fidelity) {
  if (!fidelity) return {};
  ordered_json json = {{"samples", fidelity->samples},
                       {"steps", fidelity->steps},
                       {"kl_nat", sample_mean_json(fidelity->kl)},
                       {"kl_p95_nat", real(fidelity->kl_p95)},
                       {"same_top", sample_mean_json(fidelity->same_top)},
                       {"attention_lost", sample_mean_json(fidelity->lost)}};
  ordered_json layers = ordered_json::array();
  for (const double lost : fidelity->lost_by_layer) layers.push_back(real(lost));
  json["attention_lost_by_layer"] = std::move(layers);
  json["worst_layer"] =
      fidelity->worst_layer ? ordered_json(*fidelity->worst_layer) : ordered_json();
  return json;
}

ordered_json sample_json(const SampleComparison& sample, const Comparison& facts) {
  const bool grouped = !facts.by.empty();
  ordered_json json = {{"sample", to_utf8_lossy(sample.sample)}};
  if (grouped) json["group"] = to_utf8_lossy(sample.group);
  json["budget"] = real(sample.budget);
  json["asked_bytes"] = sample.asked;
  json["held_bytes"] = sample.held;
  json["peak_bytes"] = sample.peak;
  json["full_asked_bytes"] = sample.full_asked;
  json["prefill_ns"] = sample.prefill_ns;
  json["decide_ns"] = sample.decide_ns;
  json["shared_prefill"] = sample.shared_prefill;
  json["token_ns"] = real(sample.token_ns);
  json["generated"] = sample.generated;
  json["exact_match"] = sample.exact_match ? ordered_json(*sample.exact_match) : ordered_json();
  json["scores"] = ordered_json::object();
  for (size_t i = 0; i < sample.scores.size(); ++i)
    json["scores"][to_utf8_lossy(facts.metrics[i])] = real(sample.scores[i]);
  json["kl_nat"] = real(sample.fidelity.mean_kl());
  json["same_top"] = real(sample.fidelity.same_top_share());
  json["attention_lost"] = real(sample.fidelity.mean_lost());
  json["agreement_tokens"] = sample.agreement;
  json["first_differing"] =
      sample.first_differing ? ordered_json(*sample.first_differing) : ordered_json();
  return json;
}

ordered_json run_json(const RunComparison& run, const Comparison& facts) {
  ordered_json json = {{"run", to_utf8_lossy(run.name)},
                       {"is_reference", run.is_reference},
                       {"samples", run.samples},
                       {"budget", spread_json(run.budget)},
                       {"asked_bytes", spread_json(run.asked)},
                       {"asked_share_of_full", spread_json(run.asked_share)},
                       {"held_bytes", spread_json(run.held)},
                       {"prefill_peak_bytes", spread_json(run.peak)},
                       {"reference_prefill_peak_bytes", spread_json(run.reference_peak)},
                       {"exact_match", proportion_json(run.exact_match)},
                       {"scores", scores_json(run.scores, facts)},
                       {"fidelity", fidelity_json(run.fidelity)},
                       {"equal_outputs", run.equal_outputs},
                       {"first_differing_token", spread_json(run.first_differing)},
                       {"agreement_tokens", spread_json(run.agreement)},
                       {"prefill_ns", spread_json(run.prefill)},
                       {"prefill_is_end_to_end", run.shared_prefills == 0},
                       {"shared_prefills", run.shared_prefills},
                       {"decide_ns", spread_json(run.decide)},
                       {"token_ns", spread_json(run.token)},
                       {"tokens_per_s", real(run.tokens_per_s)},
                       {"bytes_per_token", real(run.bytes_per_token)},
                       {"bytes_per_s", real(run.bytes_per_s)},
                       {"share_of_read_bandwidth", real(run.bandwidth_share)}};
  ordered_json samples = ordered_json::array();
  for (const SampleComparison& sample : run.per_sample)
    samples.push_back(sample_json(sample, facts));
  json["per_sample"] = std::move(samples);
  return json;
}

Cell real_cell(const std::optional<double>& value) {
  return value ? Cell(*value) : Cell();
}
template <typename T>
Cell low_cell(const std::optional<T>& value) {
  return value && value->interval ? Cell(value->interval->low) : Cell();
}
template <typename T>
Cell high_cell(const std::optional<T>& value) {
  return value && value->interval ? Cell(value->interval->high) : Cell();
}
template <typename T>
Cell mean_cell(const std::optional<T>& value) {
  return value ? Cell(value->mean) : Cell();
}
// The first metric's: what the set is scored by.
const MetricComparison& first_score(const RunComparison& run) {
  static const MetricComparison kNone;
  return run.scores.empty() ? kNone : run.scores.front();
}
const FidelitySummary& fidelity(const RunComparison& run) {
  static const FidelitySummary kNone;
  return run.fidelity ? *run.fidelity : kNone;
}
Cell spread_cell(const std::optional<Spread>& spread, double Spread::*field) {
  return spread ? Cell((*spread).*field) : Cell();
}

}  // namespace

ordered_json compare_json(const Comparison& comparison) {
  const bool grouped = !comparison.by.empty();
  ordered_json json = {{"trace", to_utf8_lossy(comparison.trace)},
                       {"status", comparison.status},
                       {"reference", to_utf8_lossy(comparison.reference)},
                       {"samples", comparison.samples},
                       {"weight_bytes_per_token", real(comparison.weight_bytes_per_token)},
                       {"read_bandwidth_bytes_per_s", real(comparison.read_bandwidth)}};
  json["metrics"] = ordered_json::array();
  for (const std::string& metric : comparison.metrics)
    json["metrics"].push_back(to_utf8_lossy(metric));
  json["runs"] = ordered_json::array();
  for (const RunComparison& run : comparison.runs)
    json["runs"].push_back(run_json(run, comparison));
  if (!grouped) return json;
  json["by"] = to_utf8_lossy(comparison.by);
  json["groups"] = ordered_json::array();
  for (const GroupComparison& group : comparison.groups) {
    json["groups"].push_back({{"group", to_utf8_lossy(group.group)},
                              {"run", to_utf8_lossy(group.run)},
                              {"samples", group.samples},
                              {"exact_match", proportion_json(group.exact_match)},
                              {"scores", scores_json(group.scores, comparison)},
                              {"fidelity", fidelity_json(group.fidelity)},
                              {"equal_outputs", group.equal_outputs},
                              {"budget", spread_json(group.budget)},
                              {"asked_share_of_full", spread_json(group.asked_share)}});
  }
  return json;
}

Table compare_table(const Comparison& comparison) {
  // One line per column: its head beside what fills it.
  struct Entry {
    Column column;
    Cell (*cell)(const RunComparison& run);
  };
  using R = RunComparison;
  const Entry kEntries[] = {
      {{"run", "", Kind::text}, [](const R& r) { return Cell(r.name); }},
      {{"reference", "", Kind::text}, [](const R& r) { return Cell(r.is_reference); }},
      {{"samples", "", Kind::number}, [](const R& r) { return Cell(r.samples); }},
      {{"budget_mean", "1", Kind::share},
       [](const R& r) { return spread_cell(r.budget, &Spread::mean); }},
      {{"budget_sd", "1", Kind::share},
       [](const R& r) { return spread_cell(r.budget, &Spread::sd); }},
      {{"budget_min", "1", Kind::share},
       [](const R& r) { return spread_cell(r.budget, &Spread::least); }},
      {{"budget_max", "1", Kind::share},
       [](const R& r) { return spread_cell(r.budget, &Spread::most); }},
      {{"asked_mean", "B", Kind::bytes},
       [](const R& r) { return spread_cell(r.asked, &Spread::mean); }},
      {{"asked_of_full", "1", Kind::share},
       [](const R& r) { return spread_cell(r.asked_share, &Spread::mean); }},
      {{"held_mean", "B", Kind::bytes},
       [](const R& r) { return spread_cell(r.held, &Spread::mean); }},
      {{"peak_mean", "B", Kind::bytes},
       [](const R& r) { return spread_cell(r.peak, &Spread::mean); }},
      {{"reference_peak_mean", "B", Kind::bytes},
       [](const R& r) { return spread_cell(r.reference_peak, &Spread::mean); }},
      {{"exact_match", "1", Kind::share},
       [](const R& r) { return r.exact_match ? Cell(r.exact_match->share()) : Cell(); }},
      {{"exact_match_low", "1", Kind::share},
       [](const R& r) { return r.exact_match ? Cell(r.exact_match->low) : Cell(); }},
      {{"exact_match_high", "1", Kind::share},
       [](const R& r) { return r.exact_match ? Cell(r.exact_match->high) : Cell(); }},
      {{"answered", "", Kind::number},
       [](const R& r) { return r.exact_match ? Cell(r.exact_match->n) : Cell(int64_t{0}); }},
      {{"score", "1", Kind::share}, [](const R& r) { return mean_cell(first_score(r).score); }},
      {{"score_low", "1", Kind::share}, [](const R& r) { return low_cell(first_score(r).score); }},
      {{"score_high", "1", Kind::share},
       [](const R& r) { return high_cell(first_score(r).score); }},
      {{"score_difference", "1", Kind::share},
       [](const R& r) { return mean_cell(first_score(r).difference); }},
      {{"score_difference_low", "1", Kind::share},
       [](const R& r) { return low_cell(first_score(r).difference); }},
      {{"score_difference_high", "1", Kind::share},
       [](const R& r) { return high_cell(first_score(r).difference); }},
      {{"kl", "nat", Kind::number}, [](const R& r) { return mean_cell(fidelity(r).kl); }},
      {{"kl_low", "nat", Kind::number}, [](const R& r) { return low_cell(fidelity(r).kl); }},
      {{"kl_high", "nat", Kind::number}, [](const R& r) { return high_cell(fidelity(r).kl); }},
      {{"same_top", "1", Kind::share}, [](const R& r) { return mean_cell(fidelity(r).same_top); }},
      {{"attention_lost", "1", Kind::share},
       [](const R& r) { return mean_cell(fidelity(r).lost); }},
      {{"equal_outputs", "", Kind::number}, [](const R& r) { return Cell(r.equal_outputs); }},
      {{"first_differing_median", "token", Kind::number},
       [](const R& r) { return spread_cell(r.first_differing, &Spread::median); }},
      {{"first_differing_min", "token", Kind::number},
       [](const R& r) { return spread_cell(r.first_differing, &Spread::least); }},
      {{"agreement_mean", "tokens", Kind::number},
       [](const R& r) { return spread_cell(r.agreement, &Spread::mean); }},
      {{"prefill_median", "ns", Kind::duration},
       [](const R& r) { return spread_cell(r.prefill, &Spread::median); }},
      {{"prefill_p10", "ns", Kind::duration},
       [](const R& r) { return spread_cell(r.prefill, &Spread::p10); }},
      {{"prefill_p90", "ns", Kind::duration},
       [](const R& r) { return spread_cell(r.prefill, &Spread::p90); }},
      {{"shared_prefills", "", Kind::number}, [](const R& r) { return Cell(r.shared_prefills); }},
      {{"decide_median", "ns", Kind::duration},
       [](const R& r) { return spread_cell(r.decide, &Spread::median); }},
      {{"token_median", "ns", Kind::duration},
       [](const R& r) { return spread_cell(r.token, &Spread::median); }},
      {{"token_p10", "ns", Kind::duration},
       [](const R& r) { return spread_cell(r.token, &Spread::p10); }},
      {{"token_p90", "ns", Kind::duration},
       [](const R& r) { return spread_cell(r.token, &Spread::p90); }},
      {{"tokens_per_s", "1/s", Kind::number}, [](const R& r) { return real_cell(r.tokens_per_s); }},
      {{"bytes_per_token", "B", Kind::bytes},
       [](const R& r) { return real_cell(r.bytes_per_token); }},
      {{"bytes_per_s", "B/s", Kind::number}, [](const R& r) { return real_cell(r.bytes_per_s); }},
      {{"share_of_bandwidth", "1", Kind::share},
       [](const R& r) { return real_cell(r.bandwidth_share); }}};

  Table table;
  table.name = "compare";
  table.title = fmt::format("Runs beside '{}'", comparison.reference);
  if (!comparison.metrics.empty())
    table.title += fmt::format(", score: {}", metric_words(comparison.metrics.front()));
  for (const Entry& entry : kEntries) table.columns.push_back(entry.column);
  for (const RunComparison& run : comparison.runs) {
    Row row;
    for (const Entry& entry : kEntries) row.push_back(entry.cell(run));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace kvreel::exports
