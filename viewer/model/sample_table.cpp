// Cells of the samples.
#include "viewer/model/sample_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "base/text.h"
#include "exports/tables/display.h"
#include "exports/tables/metrics.h"
#include "viewer/model/overview_table.h"
#include "viewer/model/ticks.h"

namespace kvreel::viewer {
namespace {

using exports::SampleComparison;

using Rows = std::unordered_map<std::string_view, const SampleComparison*>;

Rows rows_of(const RunFigures& figures) {
  Rows rows;
  for (const SampleComparison& row : figures.figures.per_sample) rows.emplace(row.sample, &row);
  return rows;
}

const SampleComparison* find(const Rows& rows, const std::string& id) {
  const auto found = rows.find(id);
  return found == rows.end() ? nullptr : found->second;
}

GridCell tokens_cell(const SampleInfo& sample) {
  GridCell cell;
  cell.number = sample.tokens;
  cell.text = grouped(sample.tokens);
  if (sample.original_tokens > sample.tokens)
    cell.tip = fmt::format("truncated from {} tokens", grouped(sample.original_tokens));
  return cell;
}

GridCell budget_cell(const PassInfo* pass) {
  GridCell cell;
  if (pass == nullptr) return cell;
  cell.number = cell.share = pass->budget;
  cell.text = exports::percent(pass->budget);
  return cell;
}

GridCell match_cell(std::optional<bool> match, bool finished) {
  GridCell cell;
  if (!match) {
    cell.tip = finished ? "The sample has no answers." : "Not finished.";
    return cell;
  }
  cell.number = *match ? 1 : 0;
  cell.text = *match ? "yes" : "no";
  cell.mark = *match;
  return cell;
}

GridCell score_cell(const PassInfo* pass, size_t metric) {
  GridCell cell;
  if (pass == nullptr || metric >= pass->scores.size() || std::isnan(pass->scores[metric])) {
    cell.tip = pass == nullptr ? "Not finished." : "The sample is not scored by this metric.";
    return cell;
  }
  cell.number = cell.share = pass->scores[metric];
  cell.text = fmt::format("{:.3g}", pass->scores[metric]);
  return cell;
}

GridCell divergence_cell(const SampleComparison* row) {
  GridCell cell;
  const std::optional<double> kl = row == nullptr ? std::nullopt : row->fidelity.mean_kl();
  if (!kl) return cell;
  cell.number = *kl;
  cell.text = fmt::format("{:.3g}", *kl);
  if (const std::optional<double> same = row->fidelity.same_top_share()) {
    cell.tip = fmt::format("nat, mean over {} steps; {} have the same most probable token",
                           row->fidelity.kl.size(), exports::percent(*same));
  }
  if (const std::optional<double> lost = row->fidelity.mean_lost())
    cell.tip += fmt::format("\n{} of attention lost", exports::percent(*lost));
  return cell;
}

GridCell differing_cell(const RunFigures& figures, const SampleComparison* row,
                        const SampleComparison* reference) {
  GridCell cell;
  if (!figures.aligned || row == nullptr || reference == nullptr) {
    cell.tip = "Not finished by both the run and the reference.";
    return cell;
  }
  if (!figures.outputs) {
    cell.tip = figures.other_tokens ? "The run and the reference have different tokenizers: their "
                                      "texts are beside each other on the compare page."
                                    : "The generated tokens are not loaded.";
    return cell;
  }
  const int64_t longer = std::max(row->generated, reference->generated);
  if (!row->first_differing) {
    cell.text = "same";
    cell.number = static_cast<double>(longer);  // agrees for all of them
    cell.tip = fmt::format("all {} tokens equal the reference's", grouped(longer));
    return cell;
  }
  cell.number = static_cast<double>(*row->first_differing);
  cell.text = fmt::format("at {}", grouped(*row->first_differing));
  cell.detail = fmt::format("of {}", grouped(longer));
  cell.tip = fmt::format(
      "token {} (from 0) is the first that is not the reference's; the longer output has {}",
      grouped(*row->first_differing), grouped(longer));
  return cell;
}

GridCell count_cell(const PassInfo* pass) {
  GridCell cell;
  if (pass == nullptr) return cell;
  cell.number = pass->generated;
  cell.text = grouped(pass->generated);
  return cell;
}

GridCell time_cell(const int64_t* ns) {
  GridCell cell;
  if (ns == nullptr) return cell;
  cell.number = static_cast<double>(*ns);
  cell.text = format_duration(static_cast<double>(*ns));
  return cell;
}

// Marked where it was not measured end to end.
GridCell prefill_cell(const int64_t* ns, bool shared) {
  GridCell cell = time_cell(ns);
  if (ns == nullptr || !shared) return cell;
  cell.text += "*";
  cell.tip = "* not end to end: the prefill is shared within a sweep.";
  return cell;
}

}  // namespace

Grid samples_grid(const RunSource& run, const RunFigures& figures,
                  const RunFigures& reference_figures) {
  const Overview& overview = *run.overview;
  const Rows rows = rows_of(figures);
  const Rows references = rows_of(reference_figures);
  const bool groups = std::any_of(overview.samples.begin(), overview.samples.end(),
                                  [](const SampleInfo& s) { return !group_of(s).empty(); });
  Grid grid;
  grid.columns.push_back({"id", "Sample", "id of the prompt", false});
  if (groups) {
    grid.columns.push_back(
        {"group", "Group", "the metadata's field '" + std::string(kGroupField) + "'", false});
  }
  const std::vector<GridColumn> rest = {
      {"tokens", "Prompt", "tokens of the prompt"},
      {"budget", "Budget", "kept / prompt positions of the run, mean over layers"},
      {"match", "Match", "the run's text equals an answer"},
      {"reference_match", "Ref. match", "the reference's text equals an answer"},
      {"differs", "Differs", "first generated token that is not the reference's, from 0"},
      {"generated", "Generated", "tokens that the run generated, the stop token included"},
      {"prefill", "Prefill", "the run's time to the first token, decisions included"},
      {"reference_prefill", "Ref. prefill", "the reference's time to the first token"},
  };
  grid.columns.insert(grid.columns.end(), rest.begin(), rest.end());
  // Behind the matches: the score by the set's first metric where that is another, and fidelity.
  const bool scored = !overview.metrics.empty() && overview.metrics.front() != exports::kExactMatch;
  const bool diverges = figures.figures.fidelity && figures.figures.fidelity->kl;
  std::vector<GridColumn> more;
  if (scored) {
    more.push_back({"score", overview.metrics.front(), "the run's score by this metric, 0 to 1"});
  }
  if (diverges) {
    more.push_back(
        {"kl", "KL, nat", "KL(full cache || run) of the next token, mean over the pass's steps"});
  }
  const auto matches =
      std::find_if(grid.columns.begin(), grid.columns.end(),
                   [](const GridColumn& column) { return column.key == "reference_match"; });
  grid.columns.insert(matches + 1, more.begin(), more.end());
  for (size_t i = 0; i < overview.samples.size(); ++i) {
    const SampleInfo& sample = overview.samples[i];
    const PassInfo* pass = overview.pass(run.run, static_cast<int32_t>(i));
    const SampleComparison* row = find(rows, sample.id);
    const SampleComparison* reference = find(references, sample.id);
    std::optional<bool> match;
    if (pass != nullptr && pass->exact_match >= 0) match = pass->exact_match != 0;
    GridRow cells;
    cells.cells.push_back({});
    cells.cells.back().text = sample.id;
    if (groups) {
      cells.cells.push_back({});
      if (const std::string group = group_of(sample); !group.empty())
        cells.cells.back().text = group;
    }
    cells.cells.push_back(tokens_cell(sample));
    cells.cells.push_back(budget_cell(pass));
    cells.cells.push_back(match_cell(match, pass != nullptr));
    cells.cells.push_back(match_cell(reference == nullptr ? std::nullopt : reference->exact_match,
                                     reference != nullptr));
    if (scored) cells.cells.push_back(score_cell(pass, 0));
    if (diverges) cells.cells.push_back(divergence_cell(row));
    cells.cells.push_back(differing_cell(figures, row, reference));
    cells.cells.push_back(count_cell(pass));
    cells.cells.push_back(prefill_cell(pass == nullptr ? nullptr : &pass->prefill_ns,
                                       pass != nullptr && pass->shared_prefill));
    cells.cells.push_back(prefill_cell(reference == nullptr ? nullptr : &reference->prefill_ns,
                                       reference != nullptr && reference->shared_prefill));
    grid.rows.push_back(std::move(cells));
  }
  return grid;
}

}  // namespace kvreel::viewer
