// Cells of the runs, and facts about a trace.
#include "viewer/model/overview_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "exports/tables/display.h"
#include "exports/tables/metrics.h"
#include "viewer/model/ticks.h"

namespace kvreel::viewer {
namespace {

using exports::RunComparison;
using exports::Spread;

std::string bytes_text(double bytes) {
  return format_bytes(static_cast<uint64_t>(std::llround(std::max(0.0, bytes))));
}

// "mean 440 KiB, sd 3.1 KiB, 391 KiB to 489 KiB, over 35 samples"
template <typename Format>
std::string spread_tip(const Spread& spread, Format&& format, std::string_view of) {
  std::string tip = fmt::format("median {}, mean {}", format(spread.median), format(spread.mean));
  if (!std::isnan(spread.sd)) tip += fmt::format(" ± {} (sd)", format(spread.sd));
  tip += fmt::format("\n10th to 90th percentile {} to {}\nleast {}, most {}\nover {} {}",
                     format(spread.p10), format(spread.p90), format(spread.least),
                     format(spread.most), grouped(spread.n), of);
  return tip;
}

GridCell text_cell(std::string text) {
  GridCell cell;
  cell.text = std::move(text);
  return cell;
}

GridCell budget_cell(const RunComparison& run) {
  GridCell cell;
  if (!run.budget) return cell;
  cell.number = cell.share = run.budget->mean;
  cell.text = exports::percent(run.budget->mean);
  if (!std::isnan(run.budget->sd)) cell.detail = fmt::format("± {:.1f}", 100 * run.budget->sd);
  cell.tip = spread_tip(*run.budget, exports::percent, "samples");
  return cell;
}

GridCell asked_cell(const RunComparison& run) {
  GridCell cell;
  if (!run.asked) return cell;
  cell.number = run.asked->mean;
  cell.text = bytes_text(run.asked->mean);
  cell.tip = spread_tip(*run.asked, bytes_text, "samples");
  if (!run.asked_share) return cell;
  cell.share = run.asked_share->mean;
  cell.detail = exports::percent(run.asked_share->mean);
  cell.tip += "\n" + cell.detail + " of what the unpruned prompt needs, mean over samples";
  return cell;
}

GridCell held_cell(const RunComparison& run) {
  GridCell cell;
  if (!run.held) return cell;
  cell.number = run.held->mean;
  cell.text = bytes_text(run.held->mean);
  cell.tip = spread_tip(*run.held, bytes_text, "samples");
  return cell;
}

GridCell peak_cell(const RunComparison& run) {
  GridCell cell;
  if (!run.peak) return cell;
  cell.number = run.peak->mean;
  cell.text = bytes_text(run.peak->mean);
  cell.tip = spread_tip(*run.peak, bytes_text, "samples");
  if (!run.reference_peak || run.reference_peak->mean <= 0) return cell;
  const double share = run.peak->mean / run.reference_peak->mean;
  cell.share = share;
  cell.detail = exports::percent(share);
  cell.tip += fmt::format("\n{} of the reference's mean peak, {}, over the same samples",
                          cell.detail, bytes_text(run.reference_peak->mean));
  return cell;
}

// "157–246 us"; with both units where they are not the same.
std::string range_text(std::string_view low, std::string_view high) {
  const size_t unit = low.find(' ');
  if (unit != std::string_view::npos && high.ends_with(low.substr(unit))) low = low.substr(0, unit);
  return fmt::format("{}–{}", low, high);
}

GridCell time_cell(const std::optional<Spread>& spread, std::string_view of, bool range) {
  GridCell cell;
  if (!spread) return cell;
  cell.number = spread->median;
  cell.text = format_duration(spread->median);
  if (range) {
    cell.detail = range_text(format_duration(spread->p10), format_duration(spread->p90));
  }
  cell.tip = spread_tip(*spread, format_duration, of);
  return cell;
}

GridCell rate_cell(const RunComparison& run) {
  GridCell cell;
  if (!run.tokens_per_s) return cell;
  cell.number = *run.tokens_per_s;
  cell.text = *run.tokens_per_s >= 100
                  ? grouped(static_cast<int64_t>(std::llround(*run.tokens_per_s)))
                  : fmt::format("{:.3g}", *run.tokens_per_s);
  cell.tip = fmt::format("{} tokens/s: 1 / median time per token", cell.text);
  if (run.bytes_per_s) {
    cell.tip += fmt::format("\n{:.1f} GB/s: weights and mean cache, read once per token",
                            *run.bytes_per_s * 1e-9);
  }
  if (run.bandwidth_share) {
    cell.tip += fmt::format("\n{} of the machine's measured bandwidth of reading memory",
                            exports::percent(*run.bandwidth_share));
  }
  return cell;
}

GridCell score_cell(const RunComparison& run) {
  GridCell cell;
  if (!run.exact_match) return cell;
  const exports::Proportion& match = *run.exact_match;
  cell.number = cell.share = match.share();
  cell.text = exports::percent(match.share());
  cell.detail = fmt::format("{}/{}", match.hits, match.n);
  cell.tip =
      fmt::format("{} of {} samples with answers match exactly\n95 % interval (Wilson) {} to {}",
                  match.hits, match.n, exports::percent(match.low), exports::percent(match.high));
  return cell;
}

// Mean scores by a metric; `index`: of the run's metrics, -1 where it has none of that name.
GridCell metric_cell(const RunComparison& run, int index) {
  GridCell cell;
  if (index < 0 || static_cast<size_t>(index) >= run.scores.size()) return cell;
  const std::optional<exports::MeanScore>& score = run.scores[static_cast<size_t>(index)].score;
  if (!score) return cell;
  cell.number = cell.share = score->mean;
  cell.text = exports::percent(score->mean);
  if (score->hits) cell.detail = fmt::format("{}/{}", *score->hits, score->n);
  cell.tip = fmt::format("mean over {} samples that are scored", grouped(score->n));
  if (score->interval) {
    cell.tip += fmt::format("\n95 % interval ({}) {} to {}", score->hits ? "Wilson" : "Student",
                            exports::percent(score->interval->low),
                            exports::percent(score->interval->high));
  }
  return cell;
}

GridCell divergence_cell(const RunComparison& run) {
  GridCell cell;
  if (!run.fidelity || !run.fidelity->kl) return cell;
  const exports::SampleMean& kl = *run.fidelity->kl;
  cell.number = kl.mean;
  cell.text = fmt::format("{:.3g}", kl.mean);
  cell.tip = fmt::format(
      "{:.4g} nat: KL(full cache || run) of the next token, mean over steps and "
      "{} samples",
      kl.mean, grouped(kl.samples));
  if (kl.interval) {
    cell.tip += fmt::format("\n95 % interval (Student) {:.3g} to {:.3g}", kl.interval->low,
                            kl.interval->high);
  }
  if (run.fidelity->kl_p95)
    cell.tip += fmt::format("\n95th percentile over steps {:.3g}", *run.fidelity->kl_p95);
  if (run.fidelity->same_top) {
    cell.tip += fmt::format("\n{} of steps have the same most probable token",
                            exports::percent(run.fidelity->same_top->mean));
  }
  return cell;
}

GridCell lost_cell(const RunComparison& run) {
  GridCell cell;
  if (!run.fidelity || !run.fidelity->lost) return cell;
  cell.number = cell.share = run.fidelity->lost->mean;
  cell.text = exports::percent(run.fidelity->lost->mean);
  cell.tip = "attention that the full cache pays to evicted positions, mean over steps and layers";
  if (run.fidelity->worst_layer) {
    cell.tip += fmt::format("\nmost in layer {}: {}", *run.fidelity->worst_layer,
                            exports::percent(run.fidelity->worst_lost));
  }
  return cell;
}

GridCell agreement_cell(const RunFigures& figures) {
  GridCell cell;
  const RunComparison& run = figures.figures;
  if (!figures.aligned) {
    cell.tip = "The run and the reference have no finished sample in common.";
    return cell;
  }
  if (!figures.outputs || run.samples == 0) {
    cell.tip = figures.other_tokens ? "The run and the reference have different tokenizers: their "
                                      "texts are beside each other on the compare page."
                                    : "The generated tokens are not loaded.";
    return cell;
  }
  const double share = static_cast<double>(run.equal_outputs) / static_cast<double>(run.samples);
  cell.number = cell.share = share;
  cell.text = exports::percent(share);
  cell.detail = fmt::format("{}/{}", run.equal_outputs, run.samples);
  cell.tip = fmt::format("{} of {} outputs equal the reference's token by token", run.equal_outputs,
                         run.samples);
  if (run.first_differing) {
    cell.tip += fmt::format("\nfirst differing token: {:.4g} (median), {:.4g} (least), from 0",
                            run.first_differing->median, run.first_differing->least);
  }
  if (run.agreement)
    cell.tip += fmt::format("\nleading tokens equal: {:.1f} (mean)", run.agreement->mean);
  return cell;
}

GridCell samples_cell(const RunOfTable& run) {
  const auto of = run.source.overview->samples.size();
  GridCell cell;
  cell.number = static_cast<double>(run.figures.figures.samples);
  cell.text = grouped(run.figures.figures.samples);
  cell.detail = fmt::format("/ {}", grouped(static_cast<int64_t>(of)));
  if (!run.figures.aligned && run.figures.figures.samples > 0) {
    cell.tip =
        "The run and the reference have no finished sample in common: the figures of the row are "
        "over the samples that the run has finished.";
  }
  return cell;
}

// Not measured end to end where it is shared.
GridCell prefill_cell(const RunComparison& run) {
  GridCell cell = time_cell(run.prefill, "samples", false);
  if (run.shared_prefills == 0) return cell;
  cell.text += "*";
  cell.tip +=
      "\n* not end to end: the prefill is shared within a sweep. The time is that of the shared "
      "model pass and the run's own deciding.";
  return cell;
}

// What the runs have beside exact match.
struct Extras {
  std::vector<std::string> metrics;  // of all traces, but exact match
  bool fidelity = false;
};

Extras extras_of(std::span<const RunOfTable> runs) {
  constexpr size_t kMostMetrics = 3;  // more columns than that push the rest out of sight
  Extras extras;
  for (const RunOfTable& run : runs) {
    for (const std::string& metric : run.source.overview->metrics) {
      const bool known =
          std::find(extras.metrics.begin(), extras.metrics.end(), metric) != extras.metrics.end();
      if (!known && metric != exports::kExactMatch && extras.metrics.size() < kMostMetrics)
        extras.metrics.push_back(metric);
    }
    extras.fidelity = extras.fidelity || run.figures.figures.fidelity.has_value();
  }
  return extras;
}

int index_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

std::vector<GridColumn> run_columns(bool with_trace, const Extras& extras) {
  std::vector<GridColumn> columns = {
      {"run", "Run", "the policy with its parameters, as on the command line", false}};
  if (with_trace) columns.push_back({"trace", "Trace", "file of the trace", false});
  const std::vector<GridColumn> rest = {
      {"samples", "Samples",
       "samples that the run and the reference have finished, of those of the trace: all figures "
       "of "
       "the row are over these"},
      {"budget", "Budget",
       "kept / prompt positions, mean over layers: mean ± standard deviation over samples. A ratio "
       "of tokens, not of memory."},
      {"score", "Exact match", "samples whose text equals an answer, of those with answers"},
      {"agreement", "Same output", "samples whose generated tokens all equal the reference's"},
      {"asked", "Asked",
       "cache bytes that the kept rows need after prefill, and their share of what the unpruned "
       "prompt would need: means over samples"},
      {"held", "Held", "cache bytes that the pages of the kept rows take after prefill: mean"},
      {"peak", "Peak",
       "most cache bytes held during prefill, and their share of the reference's: means"},
      {"prefill", "Prefill", "time to the first token, decisions included: median over samples"},
      {"decide", "Decision", "of prefill: deciding and compacting the cache, median over samples"},
      {"token", "Per token",
       "time of a decode step: median and 10th to 90th percentile over all steps of all samples"},
      {"rate", "Tokens/s", "1 / median time per token"},
  };
  columns.insert(columns.end(), rest.begin(), rest.end());
  // Behind the score: what it is by other metrics, and how far the run is from the full cache.
  std::vector<GridColumn> more;
  for (const std::string& metric : extras.metrics) {
    more.push_back({"score." + metric, metric,
                    "mean score by " + metric + " over the samples that are scored by it"});
  }
  if (extras.fidelity) {
    more.push_back({"kl", "KL, nat",
                    "KL(full cache || run) of the next token: mean over steps, then over samples"});
    more.push_back({"lost", "Lost",
                    "attention that the full cache pays to evicted positions: mean over steps, "
                    "layers and samples"});
  }
  const auto score = std::find_if(columns.begin(), columns.end(),
                                  [](const GridColumn& column) { return column.key == "score"; });
  columns.insert(score + 1, more.begin(), more.end());
  return columns;
}

bool begins_label(std::string_view line) {
  return !line.empty() && line.front() != ' ';
}

std::string state_of(const Overview& overview) {
  const int64_t expected =
      static_cast<int64_t>(overview.runs.size()) * static_cast<int64_t>(overview.samples.size());
  const auto finished = static_cast<int64_t>(overview.passes.size());
  return fmt::format("{} of {} passes finished", grouped(finished), grouped(expected));
}

}  // namespace

Grid runs_grid(std::span<const RunOfTable> runs, bool with_trace) {
  Grid grid;
  const Extras extras = extras_of(runs);
  grid.columns = run_columns(with_trace, extras);
  for (const RunOfTable& run : runs) {
    const RunComparison& figures = run.figures.figures;
    GridRow row;
    row.cells.push_back(text_cell(figures.name));
    if (with_trace) row.cells.push_back(text_cell(run.source.overview->file));
    row.cells.push_back(samples_cell(run));
    row.cells.push_back(budget_cell(figures));
    row.cells.push_back(score_cell(figures));
    for (const std::string& metric : extras.metrics)
      row.cells.push_back(metric_cell(figures, index_of(run.source.overview->metrics, metric)));
    if (extras.fidelity) {
      row.cells.push_back(divergence_cell(figures));
      row.cells.push_back(lost_cell(figures));
    }
    row.cells.push_back(agreement_cell(run.figures));
    row.cells.push_back(asked_cell(figures));
    row.cells.push_back(held_cell(figures));
    row.cells.push_back(peak_cell(figures));
    row.cells.push_back(prefill_cell(figures));
    row.cells.push_back(time_cell(figures.decide, "samples", false));
    row.cells.push_back(time_cell(figures.token, "decode steps", true));
    row.cells.push_back(rate_cell(figures));
    grid.rows.push_back(std::move(row));
  }
  return grid;
}

std::vector<Fact> parse_facts(std::string_view text) {
  std::vector<Fact> facts;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (trim(line).empty()) continue;
    if (begins_label(line)) {
      const size_t gap = std::min(line.find("  "), line.size());
      facts.push_back({std::string(line.substr(0, gap)), std::string(trim(line.substr(gap)))});
    } else if (!facts.empty()) {
      facts.back().value += "\n" + std::string(trim(line));
    }
  }
  return facts;
}

std::vector<Fact> trace_facts(const Overview& overview) {
  std::vector<Fact> facts;
  const auto add = [&](std::string_view label, std::string value) {
    facts.push_back({std::string(label), value.empty() ? "-" : std::move(value)});
  };
  const auto known = [](int value) { return value > 0 ? std::to_string(value) : std::string("-"); };
  add("Passes", state_of(overview));
  add("Size", format_bytes(overview.file_bytes));
  add("Model", overview.model);
  add("Layers", known(overview.layers));
  add("Heads", overview.query_heads > 0 && overview.kv_heads > 0
                   ? fmt::format("{} query, {} KV of {}", overview.query_heads, overview.kv_heads,
                                 known(overview.head_dim))
                   : std::string());
  add("Cache",
      overview.kv_bytes > 0 && overview.page_rows > 0
          ? fmt::format("{} B per value, pages of {} rows", overview.kv_bytes, overview.page_rows)
          : std::string());
  add("Samples", grouped(static_cast<int64_t>(overview.samples.size())));
  add("Runs", grouped(static_cast<int64_t>(overview.runs.size())));
  add("Spans", grouped(static_cast<int64_t>(overview.spans)));
  add("Kernels", overview.kernels > 0 ? grouped(static_cast<int64_t>(overview.kernels))
                                      : std::string("none recorded"));
  add("Attention rows", overview.attention_rows > 0
                            ? grouped(static_cast<int64_t>(overview.attention_rows))
                            : std::string("none recorded"));
  return facts;
}

}  // namespace kvreel::viewer
