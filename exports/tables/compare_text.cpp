// Runs beside a reference: as text for a terminal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "base/text.h"
#include "exports/tables/compare.h"
#include "exports/tables/compare_legend.h"
#include "exports/tables/display.h"
#include "exports/tables/metrics.h"
#include "exports/tables/writers.h"

namespace kvreel::exports {
namespace {

constexpr std::string_view kNone = "-";
constexpr size_t kNumberedWidth = 22;  // of names that are cut

struct Unit {
  std::string_view name;
  double nanoseconds;
};

// The largest unit of which the value has at least one.
Unit unit_of(double nanoseconds) {
  constexpr std::array<Unit, 4> kUnits = {{{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}}};
  for (const Unit& unit : kUnits) {
    if (nanoseconds >= unit.nanoseconds) return unit;
  }
  return kUnits.back();
}

// Three significant digits, without an exponent.
std::string digits(double value) {
  const double size = std::abs(value);
  return fmt::format("{:.{}f}", value, size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

// "12.3 ms [11.0-14.2]": median, 10th and 90th percentile.
std::string time_text(const std::optional<Spread>& spread) {
  if (!spread) return std::string(kNone);
  const Unit unit = unit_of(spread->median);
  return fmt::format("{} {} [{}-{}]", digits(spread->median / unit.nanoseconds), unit.name,
                     digits(spread->p10 / unit.nanoseconds),
                     digits(spread->p90 / unit.nanoseconds));
}

// "62.3 +- 12.1 [31-100]", per cent: mean, standard deviation, least and most.
std::string share_text(const std::optional<Spread>& spread) {
  if (!spread) return std::string(kNone);
  const std::string sd =
      std::isnan(spread->sd) ? "" : fmt::format(" \u00b1 {:.1f}", 100 * spread->sd);
  return fmt::format("{:.1f}{} [{:.0f}-{:.0f}]", 100 * spread->mean, sd, 100 * spread->least,
                     100 * spread->most);
}

std::string mean_bytes(const std::optional<Spread>& spread) {
  return spread ? human(Cell(spread->mean), Kind::bytes) : std::string(kNone);
}

// "85.0 % (17/20) [64.0-94.8]"; of what is no share "61.3 [52.0-70.6]", per cent.
std::string score_text(const std::optional<MeanScore>& score) {
  if (!score) return std::string(kNone);
  std::string text = percent(score->mean);
  if (score->hits) text += fmt::format(" ({}/{})", *score->hits, score->n);
  if (score->interval) {
    text +=
        fmt::format(" [{:.1f}-{:.1f}]", 100 * score->interval->low, 100 * score->interval->high);
  }
  return text;
}

// "-2.9 [-12.1 to 6.0]", per cent.
std::string difference_text(const std::optional<MeanDifference>& difference) {
  if (!difference) return std::string(kNone);
  std::string text = fmt::format("{:+.1f}", 100 * difference->mean);
  if (std::abs(100 * difference->mean) < 0.05) text = "0.0";  // without a sign
  if (!difference->interval) return text;
  return text + fmt::format(" [{:+.1f} to {:+.1f}]", 100 * difference->interval->low,
                            100 * difference->interval->high);
}

// Three significant digits: divergences reach from millionths to units.
std::string nat_text(double value) {
  return value != 0 && std::abs(value) < 1e-4 ? fmt::format("{:.1e}", value)
                                              : fmt::format("{:.3g}", value);
}

// "0.0123 [0.0080-0.0166]"
std::string divergence_text(const std::optional<SampleMean>& mean) {
  if (!mean) return std::string(kNone);
  std::string text = nat_text(mean->mean);
  if (!mean->interval) return text;
  return text +
         fmt::format(" [{}-{}]", nat_text(mean->interval->low), nat_text(mean->interval->high));
}

// "97.3 [95.0-99.6]", per cent.
std::string percent_interval(const std::optional<SampleMean>& mean) {
  if (!mean) return std::string(kNone);
  std::string text = fmt::format("{:.1f}", 100 * mean->mean);
  if (!mean->interval) return text;
  return text +
         fmt::format(" [{:.1f}-{:.1f}]", 100 * mean->interval->low, 100 * mean->interval->high);
}

bool any_fidelity(const Comparison& comparison) {
  return std::any_of(comparison.runs.begin(), comparison.runs.end(),
                     [](const RunComparison& run) { return run.fidelity.has_value(); });
}

Cell number(const std::optional<double>& value, double scale = 1) {
  return value ? Cell(digits(*value * scale)) : Cell();
}

std::vector<std::string> full_names(const Comparison& comparison) {
  std::vector<std::string> names;
  for (const RunComparison& run : comparison.runs) names.push_back(visible(run.name));
  return names;
}

// "2 refreekv:threshold=..." for names that leave too little room.
std::vector<std::string> numbered_names(const Comparison& comparison) {
  std::vector<std::string> names = full_names(comparison);
  for (size_t i = 0; i < names.size(); ++i)
    names[i] = shorten(fmt::format("{} {}", i + 1, names[i]), kNumberedWidth);
  return names;
}

std::string headline(const Comparison& comparison) {
  const auto plural = [](auto count) { return count == 1 ? "" : "s"; };
  return fmt::format("{} ({}): {} run{} on {} sample{}, reference '{}'\n",
                     visible(comparison.trace), comparison.status, comparison.runs.size(),
                     plural(comparison.runs.size()), comparison.samples, plural(comparison.samples),
                     visible(comparison.reference));
}

Column left(std::string_view name) {
  return {std::string(name), "", Kind::text};
}
Column right(std::string_view name) {
  return {std::string(name), "", Kind::number};
}

Table memory_text(const Comparison& comparison, const std::vector<std::string>& names) {
  Table table;
  table.columns = {left("memory"),   right("n"),    right("budget %"), right("asked"),
                   right("of full"), right("held"), right("peak"),     right("ref.")};
  for (size_t i = 0; i < names.size(); ++i) {
    const RunComparison& run = comparison.runs[i];
    table.rows.push_back({std::string(names[i]), Cell(run.samples),
                          std::string(share_text(run.budget)), std::string(mean_bytes(run.asked)),
                          run.asked_share ? Cell(percent(run.asked_share->mean)) : Cell(),
                          std::string(mean_bytes(run.held)), std::string(mean_bytes(run.peak)),
                          std::string(mean_bytes(run.reference_peak))});
  }
  return table;
}

Table output_text(const Comparison& comparison, const std::vector<std::string>& names) {
  Table table;
  table.columns = {left("output"), right("same"), right("differs at"), right("agrees for")};
  for (size_t i = 0; i < names.size(); ++i) {
    const RunComparison& run = comparison.runs[i];
    table.rows.push_back(
        {std::string(names[i]),
         run.samples > 0 ? Cell(fmt::format("{}/{}", run.equal_outputs, run.samples)) : Cell(),
         run.first_differing
             ? Cell(fmt::format("{:.5g} (first {:.0f})", run.first_differing->median,
                                run.first_differing->least))
             : Cell(),
         run.agreement ? Cell(fmt::format("{:.1f} tokens", run.agreement->mean)) : Cell()});
  }
  return table;
}

// A block for each metric.
Table score_table(const Comparison& comparison, const std::vector<std::string>& names,
                  size_t metric) {
  Table table;
  table.columns = {left("score"),
                   right("n"),
                   right(visible(metric_words(comparison.metrics[metric])) + " [95 %]"),
                   right("less the reference's [95 %]"),
                   right("lost"),
                   right("gained")};
  for (size_t i = 0; i < names.size(); ++i) {
    const auto& [score, difference] = comparison.runs[i].scores[metric];
    table.rows.push_back({std::string(names[i]), score ? Cell(score->n) : Cell(),
                          std::string(score_text(score)), std::string(difference_text(difference)),
                          difference ? Cell(difference->lost) : Cell(),
                          difference ? Cell(difference->gained) : Cell()});
  }
  return table;
}

Table fidelity_table(const Comparison& comparison, const std::vector<std::string>& names) {
  Table table;
  table.columns = {
      left("fidelity"),           right("n"),      right("KL, nat [95 %]"), right("p95"),
      right("same top % [95 %]"), right("lost %"), right("worst")};
  for (size_t i = 0; i < names.size(); ++i) {
    const FidelitySummary fidelity = comparison.runs[i].fidelity.value_or(FidelitySummary{});
    table.rows.push_back(
        {std::string(names[i]), fidelity.samples > 0 ? Cell(fidelity.samples) : Cell(),
         std::string(divergence_text(fidelity.kl)),
         fidelity.kl_p95 ? Cell(nat_text(*fidelity.kl_p95)) : Cell(),
         std::string(percent_interval(fidelity.same_top)),
         fidelity.lost ? Cell(fmt::format("{:.1f}", 100 * fidelity.lost->mean)) : Cell(),
         fidelity.worst_layer
             ? Cell(fmt::format("{:.1f} ({})", 100 * fidelity.worst_lost, *fidelity.worst_layer))
             : Cell()});
  }
  return table;
}

Table time_table(const Comparison& comparison, const std::vector<std::string>& names) {
  Table table;
  table.columns = {left("time"),   right("prefill"), right("decide"), right("per token"),
                   right("tok/s"), right("MB/tok"),  right("GB/s"),   right("% bw")};
  for (size_t i = 0; i < names.size(); ++i) {
    const RunComparison& run = comparison.runs[i];
    table.rows.push_back(
        {std::string(names[i]),
         std::string(time_text(run.prefill) + (run.shared_prefills > 0 ? "*" : "")),
         run.decide ? Cell(format_duration(run.decide->median)) : Cell(),
         std::string(time_text(run.token)), number(run.tokens_per_s),
         number(run.bytes_per_token, 1e-6), number(run.bytes_per_s, 1e-9),
         run.bandwidth_share ? Cell(fmt::format("{:.0f}", 100 * *run.bandwidth_share)) : Cell()});
  }
  return table;
}

Table group_text(const Comparison& comparison, const std::vector<std::string>& names) {
  Table table;
  const bool with_fidelity = any_fidelity(comparison);
  const bool several = comparison.metrics.size() > 1;
  table.columns = {left(comparison.by), left("run"), right("n")};
  if (several) table.columns.push_back(left("metric"));
  if (!comparison.metrics.empty()) {
    table.columns.push_back(right(
        several ? "score [95 %]" : visible(metric_words(comparison.metrics.front())) + " [95 %]"));
  }
  table.columns.push_back(right("same"));
  if (with_fidelity) table.columns.push_back(right("KL"));
  if (with_fidelity) table.columns.push_back(right("lost %"));
  table.columns.push_back(right("budget %"));
  for (size_t i = 0; i < comparison.groups.size(); ++i) {
    const GroupComparison& group = comparison.groups[i];
    const size_t run = i % names.size();
    // A row for each metric that the group is scored by, one at least.
    std::vector<size_t> metrics;
    for (size_t metric = 0; metric < comparison.metrics.size(); ++metric) {
      if (group.scores[metric].score) metrics.push_back(metric);
    }
    if (metrics.empty()) metrics.push_back(0);
    for (size_t at = 0; at < metrics.size(); ++at) {
      const bool first = at == 0;
      const bool scored = metrics[at] < group.scores.size() && group.scores[metrics[at]].score;
      const FidelitySummary fidelity = group.fidelity.value_or(FidelitySummary{});
      // What is of the group and run is said in its first row; "" and none differ: none is a dash.
      Row row;
      const auto add = [&](std::string text) { row.emplace_back(std::move(text)); };
      const auto add_first = [&](bool known, const auto& text_of) {
        add(!first ? std::string() : known ? text_of() : std::string(kNone));
      };
      add(first && run == 0 ? visible(group.group) : "");
      add(first ? names[run] : "");
      add_first(true, [&] { return fmt::format("{}", group.samples); });
      if (several) {
        add(scored ? visible(metric_words(comparison.metrics[metrics[at]])) : std::string(kNone));
      }
      if (!comparison.metrics.empty()) add(score_text(group.scores[metrics[at]].score));
      add_first(group.samples > 0,
                [&] { return fmt::format("{}/{}", group.equal_outputs, group.samples); });
      if (with_fidelity) {
        add_first(fidelity.kl.has_value(), [&] { return nat_text(fidelity.kl->mean); });
        add_first(fidelity.lost.has_value(),
                  [&] { return fmt::format("{:.1f}", 100 * fidelity.lost->mean); });
      }
      add_first(true, [&] { return share_text(group.budget); });
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

std::string tables_text(const Comparison& comparison, const std::vector<std::string>& names,
                        size_t width) {
  const WriteOptions options = {.comments = false, .width = width};
  std::string out;
  out += "\n" + to_text(memory_text(comparison, names), options);
  out += "\n" + to_text(output_text(comparison, names), options);
  for (size_t metric = 0; metric < comparison.metrics.size(); ++metric)
    out += "\n" + to_text(score_table(comparison, names, metric), options);
  if (any_fidelity(comparison)) out += "\n" + to_text(fidelity_table(comparison, names), options);
  out += "\n" + to_text(time_table(comparison, names), options);
  if (!comparison.groups.empty()) out += "\n" + to_text(group_text(comparison, names), options);
  return out;
}

std::string bandwidth_legend(const Comparison& comparison) {
  if (!comparison.read_bandwidth)
    return "% bw         unknown: the trace has no measured read bandwidth\n";
  // Memory's bandwidth does not bound a model that never leaves the caches.
  const bool cached =
      std::any_of(comparison.runs.begin(), comparison.runs.end(),
                  [](const RunComparison& run) { return run.bandwidth_share.value_or(0) > 1; });
  return fmt::format("% bw         of {} GB/s, the bandwidth of reading memory on the machine{}\n",
                     digits(*comparison.read_bandwidth * 1e-9),
                     cached ? "; above 100: from caches" : "");
}

size_t widest_line(const std::string& text) {
  size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, display_width(line));
  return widest;
}

}  // namespace

std::string render_compare_text(const Comparison& comparison, size_t width) {
  std::string out = headline(comparison);
  const std::string whole = tables_text(comparison, full_names(comparison), 0);
  if (widest_line(whole) <= width) {
    out += whole;
  } else {
    for (size_t i = 0; i < comparison.runs.size(); ++i)
      out += fmt::format("  {} {}\n", i + 1, visible(comparison.runs[i].name));
    out += tables_text(comparison, numbered_names(comparison), width);
  }
  out += "\n" + compare_legend(comparison);
  return out + bandwidth_legend(comparison);
}

}  // namespace kvreel::exports
