// Runs beside a reference: as text for a terminal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "base/text.h"
#include "exports/tables/compare.h"
#include "exports/tables/display.h"
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

// "85.0 % (17/20) [64.0-94.8]"
std::string proportion_text(const std::optional<Proportion>& proportion) {
  if (!proportion) return std::string(kNone);
  return fmt::format("{} ({}/{}) [{:.1f}-{:.1f}]", percent(proportion->share()), proportion->hits,
                     proportion->n, 100 * proportion->low, 100 * proportion->high);
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
  table.columns = {left("output"), right("exact match [95 %]"), right("same"), right("differs at"),
                   right("agrees for")};
  for (size_t i = 0; i < names.size(); ++i) {
    const RunComparison& run = comparison.runs[i];
    table.rows.push_back(
        {std::string(names[i]), std::string(proportion_text(run.exact_match)),
         run.samples > 0 ? Cell(fmt::format("{}/{}", run.equal_outputs, run.samples)) : Cell(),
         run.first_differing
             ? Cell(fmt::format("{:.5g} (first {:.0f})", run.first_differing->median,
                                run.first_differing->least))
             : Cell(),
         run.agreement ? Cell(fmt::format("{:.1f} tokens", run.agreement->mean)) : Cell()});
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
        {std::string(names[i]), std::string(time_text(run.prefill)),
         run.decide ? Cell(format_duration(run.decide->median)) : Cell(),
         std::string(time_text(run.token)), number(run.tokens_per_s),
         number(run.bytes_per_token, 1e-6), number(run.bytes_per_s, 1e-9),
         run.bandwidth_share ? Cell(fmt::format("{:.0f}", 100 * *run.bandwidth_share)) : Cell()});
  }
  return table;
}

Table group_text(const Comparison& comparison, const std::vector<std::string>& names) {
  Table table;
  table.columns = {left(comparison.by),         left("run"),   right("n"),
                   right("exact match [95 %]"), right("same"), right("budget %")};
  for (size_t i = 0; i < comparison.groups.size(); ++i) {
    const GroupComparison& group = comparison.groups[i];
    const size_t run = i % names.size();
    table.rows.push_back({std::string(run == 0 ? group.group : ""), std::string(names[run]),
                          Cell(group.samples), std::string(proportion_text(group.exact_match)),
                          group.samples > 0
                              ? Cell(fmt::format("{}/{}", group.equal_outputs, group.samples))
                              : Cell(),
                          std::string(share_text(group.budget))});
  }
  return table;
}

constexpr std::string_view kLegend =
    "n            samples that the run and the reference have finished\n"
    "budget       kept / prompt positions, mean over layers: mean \u00b1 sd [min-max] over "
    "samples\n"
    "asked, held  cache bytes after prefill: what the kept rows need, what their pages take; "
    "means\n"
    "of full      asked / what the unpruned prompt would need\n"
    "peak, ref.   most cache bytes held during prefill, by the run, by the reference; means\n"
    "exact match  text equals an answer: share (hits/samples with answers) [Wilson 95 % interval]\n"
    "same         samples whose generated tokens all equal the reference's\n"
    "differs at   first token that does not, from 0: median (least) over samples that differ\n"
    "agrees for   leading tokens that equal the reference's, mean\n"
    "prefill      to the first token, deciding included: median [10th-90th percentile]\n"
    "decide       deciding and compacting the cache, median\n"
    "per token    decode steps: median [10th-90th percentile]; tok/s: 1 / median\n"
    "MB/tok       weights read per token + mean cache asked; GB/s: that / median time per token\n";

std::string tables_text(const Comparison& comparison, const std::vector<std::string>& names,
                        size_t width) {
  const WriteOptions options = {.comments = false, .width = width};
  std::string out;
  out += "\n" + to_text(memory_text(comparison, names), options);
  out += "\n" + to_text(output_text(comparison, names), options);
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
  out += "\n" + std::string(kLegend);
  return out + bandwidth_legend(comparison);
}

}  // namespace kvreel::exports
