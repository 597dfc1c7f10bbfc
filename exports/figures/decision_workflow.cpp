// decision: how one layer came to keep what it kept.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "exports/figures/decision_data.h"
#include "exports/figures/decision_figures.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

// A layer's decisions: one, or one for each KV head.
struct LayerChoice {
  const RunChoice* run = nullptr;
  PassAt pass;
  std::vector<PrefillDecision> heads;
  std::vector<PrefillDecision> all;  // of every layer

  const PrefillDecision& first() const { return heads.front(); }
  int32_t layer() const { return first().layer; }
};

// How much a decision has to show: the chosen one has most.
int interest(const PrefillDecision& decision) {
  if (decision.evicts() && decision.curve >= 0) return 3;
  if (decision.evicts()) return 2;
  return decision.curve >= 0 ? 1 : 0;
}

LayerChoice layer_of(const FigureSource& source, const RunChoice& run, const PassAt& pass) {
  LayerChoice choice{.run = &run, .pass = pass, .heads = {}, .all = {}};
  choice.all = read_decisions(run.source(), pass).at_prefill;
  const PrefillDecision* best = nullptr;
  for (const PrefillDecision& decision : choice.all) {
    const std::optional<int32_t> asked = source.options.filter.layer;
    if (asked && decision.layer != *asked) continue;
    if (best == nullptr || interest(decision) > interest(*best)) best = &decision;
  }
  if (best == nullptr) return choice;
  for (const PrefillDecision& decision : choice.all) {
    if (decision.layer == best->layer) choice.heads.push_back(decision);
  }
  return choice;
}

// The first run whose decision in the sample has most to show.
LayerChoice choose(const FigureSource& source, const std::vector<RunChoice>& runs,
                   const std::string& sample) {
  LayerChoice best;
  for (const RunChoice& run : runs) {
    const std::optional<PassAt> pass = run.pass_of(sample);
    if (!pass) continue;
    LayerChoice choice = layer_of(source, run, *pass);
    if (choice.heads.empty()) continue;
    if (best.run == nullptr || interest(choice.first()) > interest(best.first()))
      best = std::move(choice);
  }
  if (best.run == nullptr) {
    fail("{} holds no decision of sample '{}' at the end of prefill in the layer asked for.",
         paths_of(runs), sample);
  }
  return best;
}

// Attention of the last prompt row in a layer, mean over query heads: one value per position.
// Empty where it was not recorded. A pass that shares its prefill has the rows of the pass that
// made it. Reads the layer's rows only.
std::vector<double> last_row(const Source& source, const PassAt& pass, int32_t layer) {
  const tracer::RowRange rows =
      pass_rows(source, &t::Passes::attention_rows_end, source.passes.prefill_owner(pass.row));
  const auto steps = source.trace.read_column(&t::AttentionRows::step, rows.begin, rows.end);
  const auto layers = source.trace.read_column(&t::AttentionRows::layer, rows.begin, rows.end);
  const auto from_last = source.trace.read_column(&t::AttentionRows::row, rows.begin, rows.end);
  std::vector<double> sums;
  int64_t heads = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i] != 0 || layers[i] != layer || from_last[i] != 0) continue;
    const uint64_t row = rows.begin + i;
    const std::vector<float> values =
        source.trace.read_column(&t::AttentionRows::probabilities, row, row + 1).values;
    sums.resize(std::max(sums.size(), values.size()));
    for (size_t at = 0; at < values.size(); ++at) sums[at] += values[at];
    ++heads;
  }
  for (double& sum : sums) sum /= static_cast<double>(heads);
  return sums;
}

plot::Panel attention_panel(const std::vector<double>& row) {
  plot::Panel panel;
  panel.y = {.label = "Attention", .format = plot::Format::percent, .scale = plot::Scale::log};
  plot::Line line{
      .series = "attention of the last prompt token", .x = {}, .y = {}, .low = {}, .high = {}};
  line.ink = plot::Ink::neutral;
  line.in_legend = false;
  line.weight = 0.8;
  for (size_t at = 0; at < row.size(); ++at) {
    line.x.push_back(static_cast<double>(at));
    line.y.push_back(row[at]);
  }
  panel.marks.emplace_back(std::move(line));
  return panel;
}

// True where the candidates go in the order of their positions, alike in all KV heads: the curve
// then has its place above the positions.
bool goes_by_position(const std::vector<std::vector<int32_t>>& rankings) {
  for (const std::vector<int32_t>& ranking : rankings) {
    if (ranking != rankings.front() || !std::is_sorted(ranking.begin(), ranking.end()))
      return false;
  }
  return true;
}

struct CurvePanel {
  plot::Panel panel;
  bool by_position = true;
};

CurvePanel curve_panel(const LayerChoice& choice) {
  const Source& source = choice.run->source();
  const PrefillDecision& decision = choice.first();
  const std::vector<float> curve = read_curve(source, decision, base_is_all(choice.run->info));
  std::vector<std::vector<int32_t>> rankings;
  for (const PrefillDecision& head : choice.heads) rankings.push_back(read_ranking(source, head));
  CurvePanel out{.panel = {}, .by_position = goes_by_position(rankings)};
  plot::Panel& panel = out.panel;
  panel.y = {
      .label = "Drop of the norm", .format = plot::Format::percent, .scale = plot::Scale::log};
  panel.y.high = 1;
  if (decision.threshold > 0)
    panel.y.low = std::pow(10.0, std::floor(std::log10(decision.threshold)) - 2);

  // Where the i-th candidate's going lies: at its position, or at i + 1 candidates gone.
  const std::vector<int32_t>& ranking = rankings.front();
  const auto place = [&](size_t i) {
    return out.by_position ? static_cast<double>(ranking[i]) : static_cast<double>(i + 1);
  };
  plot::Line line{.series = "drop of the norm", .x = {}, .y = {}, .low = {}, .high = {}};
  line.steps = true;
  line.in_legend = false;
  line.ink = plot::Ink::neutral;
  for (size_t i = 0; i < ranking.size() && i + 1 < curve.size(); ++i) {
    line.x.push_back(place(i));
    line.y.push_back(curve[i + 1]);
  }
  if (line.x.empty()) {
    panel.message = "one candidate only, which stays";
    return out;
  }
  panel.marks.emplace_back(std::move(line));
  if (decision.threshold > 0) {
    panel.marks.emplace_back(
        plot::Rule{.at = decision.threshold, .label = threshold_text(decision.threshold)});
  }

  // The candidate at which eviction stopped, at the drop that its going would have made.
  const auto cut = static_cast<size_t>(std::max(decision.cut, 0));
  const std::string halt = halt_text(source, choice.pass, decision);
  if (halt.empty() || decision.exempt() || cut >= ranking.size()) return out;
  const bool would_be_known = cut + 1 < curve.size();
  const double drop = would_be_known ? curve[cut + 1] : curve[std::min(cut, curve.size() - 1)];
  if (!(drop > 0)) return out;
  const bool to_the_left = 2 * cut > ranking.size();
  panel.marks.emplace_back(plot::Note{
      .x = place(cut),
      .y = drop,
      .text = would_be_known ? fmt::format("halts at {}: {:.4g} % if it went", halt, 100 * drop)
                             : fmt::format("halts at {}", halt),
      .dx = to_the_left ? -2.0 : 2.0,
      .dy = 3,
      .framed = true});
  return out;
}

plot::Panel strip_panel(const LayerChoice& choice) {
  const Source& source = choice.run->source();
  const int32_t sinks = sinks_of_layer(source, choice.all, choice.layer());
  plot::HeatMap strip;
  strip.rows = choice.heads.size();
  for (const PrefillDecision& head : choice.heads)
    strip.columns = std::max(strip.columns, static_cast<size_t>(head.cached));
  strip.values.assign(strip.rows * strip.columns, std::numeric_limits<float>::quiet_NaN());
  for (size_t head = 0; head < choice.heads.size(); ++head) {
    const std::vector<TokenKind> kinds = token_kinds(source, choice.heads[head], sinks);
    std::transform(kinds.begin(), kinds.end(), strip.values.data() + head * strip.columns,
                   [](TokenKind kind) { return static_cast<float>(kind); });
  }
  strip.x0 = -0.5;
  strip.x1 = static_cast<double>(strip.columns) - 0.5;
  strip.y0 = -0.5;
  strip.y1 = static_cast<double>(strip.rows) - 0.5;
  strip.kinds = {{plot::Ink::evicted, "evicted"},
                 {plot::Ink::kept, "kept"},
                 {plot::Ink::sink, "sink, never evicted"}};
  plot::Panel panel;
  panel.y = {.reversed = true};
  if (choice.heads.size() > 1) {
    panel.y.label = "KV head";
    panel.y.format = plot::Format::count;
  } else {
    panel.y.categories = {""};
    panel.y.show_labels = false;
  }
  panel.marks.emplace_back(std::move(strip));
  return panel;
}

// Bytes of the layer's cache before and after the decision; none where the trace does not say.
struct LayerBytes {
  uint64_t before = 0, after = 0;  // asked
};
std::optional<LayerBytes> bytes_of(const Source& source, const PassAt& pass, int32_t layer) {
  const t::Memory rows = [&] {
    const tracer::RowRange range = pass_rows(source, &t::Passes::memory_end, pass.row);
    return source.trace.read<t::Memory>(range.begin, range.end);
  }();
  // All layers' bytes: the layer's are what its rows added, less what its cut took away.
  std::optional<uint64_t> added, taken;
  uint64_t before = 0;
  for (size_t i = 0; i < rows.step.size() && rows.step[i] == 0; ++i) {
    if (rows.layer[i] == layer) {
      if (rows.cause[i] == 0) added = added.value_or(0) + rows.asked[i] - before;
      if (rows.cause[i] == 1) taken = taken.value_or(0) + before - rows.asked[i];
    }
    before = rows.asked[i];
  }
  if (!added || !taken || *taken > *added) return std::nullopt;
  return LayerBytes{*added, *added - *taken};
}

std::string title_of(const LayerChoice& choice, const std::string& sample) {
  int64_t kept = 0, cached = 0;
  for (const PrefillDecision& head : choice.heads) {
    kept += head.kept;
    cached += head.cached;
  }
  // Of KV heads that keep different numbers, their mean.
  const auto heads = static_cast<double>(choice.heads.size());
  const double share =
      cached > 0 ? 100 * static_cast<double>(kept) / static_cast<double>(cached) : 0;
  std::string title = fmt::format(
      "{} on {}, layer {}: {:.6g} of {:.6g} positions kept ({:.1f} %), {:.6g} evicted",
      choice.run->series, shown(sample, 40), choice.layer(), static_cast<double>(kept) / heads,
      static_cast<double>(cached) / heads, share, static_cast<double>(cached - kept) / heads);
  const std::optional<LayerBytes> bytes =
      bytes_of(choice.run->source(), choice.pass, choice.layer());
  if (bytes)
    title += fmt::format(", {} of {}", format_bytes(bytes->after), format_bytes(bytes->before));
  return title;
}

}  // namespace

// One layer of one sample in one run, at the end of prefill; panels share the axis of positions.
//
// (a) attention_rows of row 0: probability of position p in the last prompt row, mean over the
// layer's query
//     heads.
// (b) curve: at position ranking[i], the drop of the norm when this candidate and all before it in
//     the ranking are gone, curve[i + 1], with the base that the run's cuts were made on; rule: T;
//     note: the halting candidate, ranking[cut], with curve[cut + 1]. Where candidates do not go in
//     the order of positions, or differ by KV head, x is the number that are gone, i + 1.
// (c) positions that the decision kept (sinks: before the first that is in a ranking) and evicted;
//     a row for each KV head where they were decided apart.
// Title: budget = kept / cached positions over the KV heads; asked bytes of this layer's cache
// after and before the cut.
plot::Figure decision_workflow(const FigureSource& source) {
  require_one_trace(source, "decision");
  plot::Figure figure;
  const std::vector<RunChoice> runs = chosen_runs(source);
  const std::string sample = one_sample(source, runs, figure);
  const LayerChoice choice = choose(source, runs, sample);
  remark_run(source, *choice.run, figure);
  add_shown_runs({choice.run, 1}, figure);
  if (!source.options.filter.layer && choice.all.size() > choice.heads.size()) {
    figure.remarks.push_back(fmt::format("Layer {}; --layer shows another.", choice.layer()));
  }

  figure.title = title_of(choice, sample);
  figure.share_x = true;
  const std::vector<double> row = last_row(choice.run->source(), choice.pass, choice.layer());
  if (row.empty()) {
    figure.remarks.push_back(
        "The attention of the last prompt token was not recorded; kvreel record --attention-rows "
        "does.");
  } else {
    figure.panels.push_back(attention_panel(row));
  }
  if (choice.first().curve >= 0) {
    CurvePanel curve = curve_panel(choice);
    if (!curve.by_position) {
      curve.panel.x = {.label = "Candidates evicted", .format = plot::Format::count};
      figure.share_x = false;
    }
    figure.panels.push_back(std::move(curve.panel));
    figure.panels.back().height = 1.2;
  } else {
    figure.remarks.push_back(fmt::format("Run {} measured no norm curve: {}.", choice.run->series,
                                         name_of(kReasonNames, choice.first().reason)));
  }
  figure.panels.push_back(strip_panel(choice));
  figure.panels.back().height = choice.heads.size() > 1 ? 0.5 : 0.2;

  figure.rows = figure.panels.size();
  for (size_t i = 0; i < figure.panels.size(); ++i) {
    plot::Panel& panel = figure.panels[i];
    if (panel.x.label.empty() && (i + 1 == figure.panels.size() || !figure.share_x))
      panel.x.label = "Position";
    if (panel.x.label == "position") panel.x.format = plot::Format::tokens;
  }
  return figure;
}

}  // namespace kvreel::exports
