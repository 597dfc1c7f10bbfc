// A trace whose figures can be worked out by hand, and ways to look into a figure.
//
//   samples  a: 10 tokens, task fact, answered
//            b: 8 tokens, task copy, answered
//            c: 3 tokens, task copy, no answers, too short to be cut
//   layers   0: exempt, whole; 1: cut at the threshold
//   curves of layer 1 (half of it with the base over all positions)
//            a: 0, 0.005, 0.01, 0.03, 0.05, 0.2
//            b: 0, 0.002, 0.02, 0.04
//   runs     full              budgets 1, 1, 1            right: a, b     4096 B each
//            T = 1 %           (1 + 8/10)/2, (1 + 7/8)/2, 1  right: a, b  3072, 2048, 1024
//            T = 5 %           (1 + 7/10)/2, (1 + 5/8)/2, 1  right: a     2048, 1024, 1024
//            streaming 50 %    0.5, 0.5, 1                right: b        1024, 512, 512
// 0.05 as a 32-bit float is above 0.05, so that T = 5 % evicts three candidates of a.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "exports/figures/figures.h"
#include "exports/tables/labels.h"
#include "exports/tables/small_trace.h"

namespace kvreel::exports::testing {

inline const std::vector<float> kCurveA = {0.0f, 0.005f, 0.01f, 0.03f, 0.05f, 0.2f};
inline const std::vector<float> kCurveB = {0.0f, 0.002f, 0.02f, 0.04f};

inline std::vector<std::string> pieces(size_t n) {
  return std::vector<std::string>(n, "x");
}

inline std::vector<int32_t> ranking_from(int32_t first, int32_t end) {
  std::vector<int32_t> positions;
  for (int32_t position = first; position < end; ++position) positions.push_back(position);
  return positions;
}

inline constexpr double kF1[4][3] = {  // [run][sample]
    {1, 0.5, 0.8},
    {1, 0.5, 0.4},
    {0.5, 0.25, 0.8},
    {0, 0.1, 0.2}};

struct FigureTraceOptions {
  std::string provenance = std::string(kProvenance);
  std::string text_of_a;  // "": as ever
  bool answers = true;
  bool interrupted = false;   // the last run's pass of sample b
  int32_t first_sample = 0;   // samples before it are not in the trace
  bool f1 = false;            // scores by token-f1, too: kF1
  bool other_budget = false;  // T = 5 % keeps 60 % of sample a, as its curves do not say
};

inline void add_figure_runs(TraceMaker& maker) {
  maker.add_run("full", "full", "{}");
  maker.add_run("refreekv:threshold=1%", "refreekv",
                R"({"threshold": "1%", "keep-layers": "0", "base": "candidates"})");
  maker.add_run("refreekv:threshold=5%", "refreekv",
                R"({"threshold": "5%", "keep-layers": "0", "base": "candidates"})");
  maker.add_run("streaming-llm:budget=50%", "streaming-llm", R"({"budget": "50%", "sinks": "4"})");
}

// The decisions of a pass that was cut after `cut` candidates of its curve.
inline std::vector<DecisionSpec> cut_decisions(int32_t tokens, const std::vector<float>& curve,
                                               int32_t cut, double threshold) {
  const DecisionSpec exempt{.layer = 0,
                            .reason = 1,
                            .cached = tokens,
                            .kept_ranges = {0, tokens},
                            .ranking = ranking_from(4, tokens),
                            .distance = curve,
                            .threshold = threshold};
  DecisionSpec halted = exempt;
  halted.layer = 1;
  halted.reason = 3;
  halted.cut = cut;
  halted.kept_ranges = {0, 4, 4 + cut, tokens};
  halted.halt_position = 4 + cut;
  return {exempt, halted};
}

inline void write_figure_trace(const std::string& path, const FigureTraceOptions& options = {}) {
  TraceMaker maker(path, options.provenance);
  maker.add_names();
  add_figure_runs(maker);
  struct SampleSpec {
    const char* id;
    int32_t tokens;
    const char* metadata;
    bool answered;
  };
  const SampleSpec samples[] = {{"a", 10, R"({"task": "fact"})", true},
                                {"b", 8, R"({"task": "copy"})", true},
                                {"c", 3, R"({"task": "copy"})", false}};
  for (int32_t i = options.first_sample; i < 3; ++i) {
    const SampleSpec& sample = samples[i];
    const bool answered = sample.answered && options.answers;
    maker.add_sample(sample.id, pieces(static_cast<size_t>(sample.tokens)), sample.metadata,
                     answered ? R"(["x"])" : "[]", sample.tokens,
                     i == 0 ? std::string_view(options.text_of_a) : std::string_view());
  }
  const double budgets[4][3] = {{1, 1, 1}, {0.9, 0.9375, 1}, {0.85, 0.8125, 1}, {0.5, 0.5, 1}};
  const int right[4][3] = {{1, 1, -1}, {1, 1, -1}, {1, 0, -1}, {0, 1, -1}};
  const uint64_t held[4][3] = {
      {4096, 4096, 4096}, {3072, 2048, 1024}, {2048, 1024, 1024}, {1024, 512, 512}};
  const int32_t cuts[4][2] = {{0, 0}, {2, 1}, {3, 3}, {5, 4}};
  for (int32_t i = options.first_sample; i < 3; ++i) {
    const int32_t tokens = samples[i].tokens;
    for (int32_t run = 0; run < 4; ++run) {
      PassSpec pass{.run = run, .sample = i - options.first_sample, .tokens = {5}};
      if (options.interrupted && run == 3 && i == 1) pass.finish = kFinishInterrupted;
      pass.budget = budgets[run][i];
      pass.exact_match = static_cast<int8_t>(options.answers ? right[run][i] : -1);
      pass.held = held[run][i];
      if (options.f1) pass.scores = {{"token-f1", kF1[run][i]}};
      if (options.other_budget && run == 2 && i == 0) pass.budget = 0.6;
      std::vector<DecisionSpec> decisions;
      if (run == 1 || run == 2) {
        const double threshold = run == 1 ? 0.01 : 0.05;
        if (i < 2) {
          decisions = cut_decisions(tokens, i == 0 ? kCurveA : kCurveB, cuts[run][i], threshold);
        } else {
          decisions = {{.layer = 0, .reason = 2, .cached = 3, .kept_ranges = {0, 3}},
                       {.layer = 1, .reason = 2, .cached = 3, .kept_ranges = {0, 3}}};
        }
      } else {
        const int32_t kept = run == 0 || i == 2 ? tokens : tokens / 2;
        const auto reason = static_cast<int8_t>(run == 0 ? 0 : 4);
        for (int16_t layer = 0; layer < 2; ++layer)
          decisions.push_back({.layer = layer,
                               .reason = reason,
                               .cached = tokens,
                               .kept_ranges = {tokens - kept, tokens}});
      }
      maker.add_pass(pass, decisions);
    }
  }
  maker.finish();
}

// The marks of a kind, of one series or of all.
template <typename MarkType>
std::vector<MarkType> marks_of(const plot::Panel& panel) {
  std::vector<MarkType> marks;
  for (const plot::Mark& mark : panel.marks) {
    if (const auto* found = std::get_if<MarkType>(&mark)) marks.push_back(*found);
  }
  return marks;
}

// Value of a line at a place where it has one; NaN elsewhere.
inline double value_at(const plot::Line& line, double x) {
  for (size_t i = 0; i < line.x.size(); ++i) {
    if (line.x[i] == x) return line.y[i];
  }
  return plot::kNone;
}

inline bool has_remark(const plot::Figure& figure, std::string_view part) {
  for (const std::string& remark : figure.remarks) {
    if (contains(remark, part)) return true;
  }
  return false;
}

inline std::string metadata_value(const plot::Figure& figure, std::string_view key) {
  for (const auto& [name, value] : figure.metadata) {
    if (name == key) return value;
  }
  return "";
}

}  // namespace kvreel::exports::testing
