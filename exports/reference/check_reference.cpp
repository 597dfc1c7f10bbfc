// Compares decision by decision, and looks for the fewest things that explain a difference.
#include "exports/reference/check_reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>
#include <type_traits>

#include "base/error.h"
#include "exports/reference/recorded.h"
#include "exports/reference/variants.h"
#include "exports/tables/labels.h"

namespace kvreel::exports {
namespace {

constexpr std::string_view kPolicy = "refreekv";
constexpr std::string_view kUnexplained = "unexplained";

constexpr size_t kAspects = std::tuple_size_v<std::remove_cvref_t<decltype(aspects())>>;

enum class Verdict : uint8_t { equal, tie, different };

// One layer of one pass: what was recorded of it.
struct Layer {
  int32_t number = 0;
  const RecordedDecision& decision;
  const LayerRows& rows;
  int64_t kv_heads = 0;
};

// What the first `cut` of a ranking leave.
std::vector<bool> kept_after(std::span<const int32_t> order, int64_t cut, int64_t keys) {
  std::vector<bool> kept(static_cast<size_t>(keys), true);
  for (const int32_t position : order.first(static_cast<size_t>(cut))) {
    kept[static_cast<size_t>(position)] = false;
  }
  return kept;
}

// Of one head: the kept sets are equal, or differ in positions whose scores are those at the cut,
// or differ.
Verdict compare_head(const std::vector<int32_t>& recorded, const Outcome& outcome, size_t unit,
                     int64_t cut, int64_t keys, double tolerance) {
  const std::vector<int32_t>& order = outcome.order[unit];
  std::vector<bool> differs = kept_after(order, cut, keys);
  for (const int32_t position : recorded) {
    const auto at = static_cast<size_t>(position);
    if (at >= differs.size()) return Verdict::different;
    differs[at] = !differs[at];
  }
  // Now: kept by one of the two alone.
  if (std::ranges::find(differs, true) == differs.end()) return Verdict::equal;
  if (outcome.scores.empty() || cut >= static_cast<int64_t>(order.size())) {
    return Verdict::different;
  }
  const std::vector<double>& scores = outcome.scores[unit];
  const double boundary = scores[static_cast<size_t>(cut)];
  for (size_t i = 0; i < order.size(); ++i) {
    const auto at = static_cast<size_t>(order[i]);
    if (differs[at] && std::abs(scores[i] - boundary) > tolerance) return Verdict::different;
    differs[at] = false;
  }
  const bool beyond_candidates = std::ranges::find(differs, true) != differs.end();
  return beyond_candidates ? Verdict::different : Verdict::tie;
}

// Recorded kept sets beside those that a rule's rankings leave after the recorded cut.
Verdict compare_sets(const Layer& layer, const Outcome& outcome, double tolerance) {
  const int64_t cut = layer.decision.cut;
  if (cut < 0 || cut > static_cast<int64_t>(outcome.order[0].size())) return Verdict::different;
  const auto units = static_cast<int64_t>(outcome.order.size());
  Verdict worst = Verdict::equal;
  for (const auto& [kv_head, kept] : layer.decision.kept) {
    // Rankings of the query heads that read this KV head; those of a layer once.
    const int64_t begin = kv_head < 0 ? 0 : kv_head * units / layer.kv_heads;
    const int64_t end = kv_head < 0 ? units : (kv_head + 1) * units / layer.kv_heads;
    for (int64_t unit = begin; unit < std::max(end, begin + 1); ++unit) {
      worst = std::max(worst, compare_head(kept, outcome, static_cast<size_t>(unit), cut,
                                           layer.rows.keys, tolerance));
    }
  }
  return worst;
}

// Whether rounding alone could have moved the cut: every distance between the two lies at the
// threshold.
bool is_tie(const Outcome& outcome, int64_t cut, double threshold, double tolerance) {
  const auto [low, high] = std::minmax(cut, outcome.cut);
  for (int64_t i = low + 1; i <= high; ++i) {
    if (!(std::abs(outcome.distance[static_cast<size_t>(i)] - threshold) <= tolerance)) {
      return false;
    }
  }
  return true;
}

Verdict compare(const Layer& layer, const Rule& rule, const Outcome& outcome, double tolerance) {
  const Verdict sets = compare_sets(layer, outcome, tolerance);
  const int64_t cut = layer.decision.cut;
  if (sets == Verdict::different || cut == outcome.cut) return sets;
  const bool saved = std::ranges::binary_search(rule.saved_layers, layer.number);
  const bool possible = !saved && cut < static_cast<int64_t>(outcome.distance.size());
  return possible && is_tie(outcome, cut, rule.threshold, tolerance) ? Verdict::tie
                                                                     : Verdict::different;
}

// The fewest aspects in which the variant must follow the run's rule to come to the recorded
// decision: of those that differ, what can be left out is left out, last ones first.
std::string explain(const Layer& layer, const Rule& variant, const Rule& run, double tolerance) {
  if (layer.rows.rows < run.rows_needed(layer.rows.keys)) {
    return fmt::format("not looked into (needs {} rows)", run.rows_needed(layer.rows.keys));
  }
  std::array<bool, kAspects> needed{};  // of aspects(), in which the run is followed
  for (size_t i = 0; i < kAspects; ++i) needed[i] = aspects()[i].differs(variant, run);
  const auto explained = [&] {
    Rule rule = variant;
    for (size_t i = 0; i < kAspects; ++i) {
      if (needed[i]) aspects()[i].adopt(rule, run);
    }
    if (layer.rows.rows < rule.rows_needed(layer.rows.keys)) return false;
    const Outcome outcome = apply_rule(rule, layer.rows, layer.number, layer.kv_heads);
    return compare(layer, rule, outcome, tolerance) != Verdict::different;
  };
  if (std::ranges::find(needed, true) == needed.end() || !explained()) {
    return std::string(kUnexplained);
  }
  for (size_t i = kAspects; i-- > 0;) {
    if (!needed[i]) continue;
    needed[i] = false;
    if (!explained()) needed[i] = true;
  }
  std::string names;
  for (size_t i = 0; i < kAspects; ++i) {
    if (needed[i]) names += (names.empty() ? "" : " + ") + std::string(aspects()[i].name);
  }
  return names;
}

// Adds one layer's comparison to a variant's report.
void add_layer(const Layer& layer, const Variant& variant, const Rule& run, int32_t sample,
               const std::string& sample_id, const CheckOptions& options, VariantReport& report) {
  const Outcome outcome = apply_rule(variant.rule, layer.rows, layer.number, layer.kv_heads);
  ++report.decisions;
  const Verdict verdict = compare(layer, variant.rule, outcome, options.tolerance);
  if (verdict == Verdict::equal) ++report.equal;
  if (verdict == Verdict::tie) ++report.ties;
  if (verdict != Verdict::different) return;
  ++report.different;
  report.same_cut += layer.decision.cut == outcome.cut;
  const std::string reason = explain(layer, variant.rule, run, options.tolerance);
  ++report.reasons[reason];
  report.unexplained += reason == kUnexplained;
  if (report.first.size() >= options.listed) return;
  const auto disputed = static_cast<size_t>(std::max(layer.decision.cut, outcome.cut));
  report.first.push_back({.sample = sample,
                          .sample_id = sample_id,
                          .layer = layer.number,
                          .candidates = static_cast<int64_t>(outcome.distance.size()),
                          .cut = layer.decision.cut,
                          .released = outcome.cut,
                          .distance = disputed < outcome.distance.size()
                                          ? outcome.distance[disputed]
                                          : std::numeric_limits<double>::quiet_NaN(),
                          .threshold = variant.rule.threshold,
                          .reason = reason});
}

// The run's own variant first, then all as published; its own is not compared twice.
std::vector<Variant> variants_for(const RunRule& run, std::vector<VariantReport>& reports) {
  std::vector<Variant> variants;
  if (!run.variant.empty()) variants.push_back(own_variant(run));
  for (const Variant& published : published_variants()) {
    if (variants.empty() || published.flags != variants[0].flags) variants.push_back(published);
  }
  for (const Variant& variant : variants) {
    reports.push_back({.name = variant.name, .flags = variant.flags});
  }
  if (!run.variant.empty()) reports[0].own = true;
  return variants;
}

int64_t kv_heads_of(const std::map<int32_t, RecordedDecision>& decisions, int64_t heads) {
  int64_t most = 0;
  for (const auto& [number, decision] : decisions) {
    for (const auto& [kv_head, kept] : decision.kept) most = std::max<int64_t>(most, kv_head + 1);
  }
  // Decided for all KV heads at once: rankings are by position, and heads make no difference.
  return most > 0 && heads % most == 0 ? most : 1;
}

class Checker {
 public:
  Checker(const tracer::Trace& trace, const CheckOptions& options)
      : trace_(trace), options_(options), labels_(trace) {}

  CheckReport run() {
    CheckReport report{.trace = trace_.path(), .tolerance = options_.tolerance};
    for (const int32_t run : chosen_runs()) report.runs.push_back(check_run(run));
    if (layers_with_rows_ == 0) {
      fail(
          "{} has no attention rows of these runs, and the released code's decisions are "
          "recomputed from them; record with --attention-rows (--attention-rows=8 for the "
          "released script's variant, too).",
          trace_.path());
    }
    return report;
  }

 private:
  std::vector<int32_t> chosen_runs() const {
    const tracer::Runs runs = trace_.read<tracer::Runs>(0, trace_.rows<tracer::Runs>());
    std::vector<int32_t> chosen;
    for (const std::string& name : options_.runs) {
      const size_t run = find_run(trace_, labels_, name);
      if (runs.policy.at(run) != kPolicy) {
        fail_usage(
            "Run '{}' is of the policy '{}', and the released code decides as {} only; name "
            "a run of that.",
            name, runs.policy.at(run), kPolicy);
      }
      chosen.push_back(static_cast<int32_t>(run));
    }
    for (size_t run = 0; options_.runs.empty() && run < runs.policy.rows(); ++run) {
      if (runs.policy.at(run) == kPolicy) chosen.push_back(static_cast<int32_t>(run));
    }
    if (chosen.empty()) {
      fail(
          "{} has no run of the policy {}, whose decisions could be compared; record one with "
          "--policy {}",
          trace_.path(), kPolicy, kPolicy);
    }
    return chosen;
  }

  RunReport check_run(int32_t run) {
    const auto row = static_cast<uint64_t>(run);
    const tracer::Runs rows = trace_.read<tracer::Runs>(row, row + 1);
    const RunRule rule = read_run_rule(rows.parameters.at(0));
    RunReport report{.run = labels_.run(run), .variant = rule.variant};
    if (rule.variant.empty()) report.variant = "none: " + rule.why_not;
    if (!rule.is_stated) {
      ++layers_with_rows_;  // rows would not help
      return report;
    }
    const std::vector<Variant> variants = variants_for(rule, report.variants);
    for (size_t sample = 0; sample < labels_.samples().size(); ++sample) {
      const auto pass = trace_.pass(run, static_cast<int32_t>(sample));
      if (pass) check_pass(*pass, rule, variants, report);
    }
    for (size_t i = 0; i < variants.size(); ++i) {
      if (report.variants[i].decisions > 0) continue;
      report.variants[i].not_compared = fmt::format(
          "needs the last {} prompt rows, and {} recorded; record with "
          "--attention-rows={}",
          needed(variants[i].rule), most_rows_ == 1 ? "1 was" : fmt::format("{} were", most_rows_),
          needed(variants[i].rule));
    }
    return report;
  }

  static int64_t needed(const Rule& rule) {
    return rule.rows_needed(std::numeric_limits<int64_t>::max());
  }

  void check_pass(const tracer::PassRows& pass, const RunRule& run,
                  const std::vector<Variant>& variants, RunReport& report) {
    const auto decisions = read_prefill_decisions(trace_, pass);
    const auto layers = read_prefill_rows(trace_, pass);
    if (layers.empty()) ++report.passes_without_rows;
    for (const auto& [number, rows] : layers) {
      const auto decision = decisions.find(number);
      if (decision == decisions.end() || decision->second.cached != rows.keys) {
        fail(
            "pass {} of {} has attention rows of layer {} that no decision matches; the file is "
            "damaged",
            pass.row, trace_.path(), number);
      }
      ++layers_with_rows_;
      most_rows_ = std::max(most_rows_, rows.rows);
      const Layer layer{number, decision->second, rows, kv_heads_of(decisions, rows.heads)};
      for (size_t i = 0; i < variants.size(); ++i) {
        if (rows.rows < variants[i].rule.rows_needed(rows.keys)) continue;
        add_layer(layer, variants[i], run.at(rows.keys), pass.sample, labels_.sample(pass.sample),
                  options_, report.variants[i]);
      }
    }
  }

  const tracer::Trace& trace_;
  const CheckOptions& options_;
  Labels labels_;
  int64_t layers_with_rows_ = 0;
  int64_t most_rows_ = 0;
};

}  // namespace

int64_t CheckReport::unexplained() const {
  int64_t count = 0;
  for (const RunReport& run : runs) {
    for (const VariantReport& variant : run.variants) {
      if (variant.own) count += variant.unexplained;
    }
  }
  return count;
}

CheckReport check_reference(const tracer::Trace& trace, const CheckOptions& options) {
  return Checker(trace, options).run();
}

}  // namespace kvreel::exports
