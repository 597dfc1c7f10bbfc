// What one pass recorded, out of a trace.
#include "viewer/data/read_pass.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "viewer/data/read_overview.h"

namespace kvreel::viewer {
namespace {

using tracer::Decisions;
using tracer::RowRange;
using tracer::Trace;

template <typename Read>
void read_part(const Trace& trace, PassDetail& detail, Read&& read) {
  try {
    read();
  } catch (...) {
    detail.warnings.push_back(sentence_of_exception("Reading a part of " + trace.path()));
  }
}

void read_steps(const Trace& trace, PassDetail& detail) {
  const RowRange range = detail.info.rows.steps;
  auto rows = trace.read<tracer::Steps>(range.begin, range.end);
  detail.steps.reserve(rows.rows.size());
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    if (rows.step[i] != static_cast<int32_t>(i)) {
      fail("step {} of a pass of {} is numbered {}; the file is damaged", i, trace.path(),
           rows.step[i]);
    }
    detail.steps.push_back({rows.rows[i], rows.token[i], rows.logprob[i], rows.start_ns[i],
                            rows.duration_ns[i], rows.cache_asked[i], rows.cache_held[i]});
  }
  detail.pieces = std::move(rows.piece);
}

void read_memory(const Trace& trace, PassDetail& detail) {
  const RowRange range = detail.info.rows.memory;
  const auto rows = trace.read<tracer::Memory>(range.begin, range.end);
  detail.memory.reserve(rows.step.size());
  for (size_t i = 0; i < rows.step.size(); ++i) {
    detail.memory.push_back({rows.time_ns[i], rows.step[i], rows.layer[i], rows.cause[i],
                             rows.asked[i], rows.held[i], rows.peak[i]});
  }
}

// The rows that a column of decisions names, each once, ascending; -1 names none.
std::vector<int64_t> distinct(std::vector<int64_t> rows, uint64_t limit, std::string_view table,
                              const std::string& path) {
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  rows.erase(rows.begin(), std::lower_bound(rows.begin(), rows.end(), 0));
  if (!rows.empty() && static_cast<uint64_t>(rows.back()) >= limit) {
    fail("a decision of {} names row {} of table '{}', which has {}; the file is damaged", path,
         rows.back(), table, limit);
  }
  return rows;
}

// Half-open, ascending, not touching what is beyond `positions`. False where they are not.
bool ranges_of(const tracer::List<int32_t>& list, size_t row, int64_t positions,
               std::vector<Range>& out) {
  int32_t previous = 0;
  if ((list.end_of(row) - list.begin_of(row)) % 2 != 0) return false;
  for (uint64_t i = list.begin_of(row); i < list.end_of(row); i += 2) {
    const Range range{list.values[i], list.values[i + 1]};
    if (range.begin < previous || range.end <= range.begin || range.end > positions) return false;
    previous = range.end;
    out.push_back(range);
  }
  return true;
}

// Everything that an index is made of later, checked.
bool is_sound(const Decision& decision, const Overview& overview, const PassInfo& pass) {
  const int64_t positions = int64_t{pass.prompt_tokens} + pass.generated;
  const auto below = [](int value, int count) { return count == 0 || value < count; };
  int64_t kept = 0;
  for (const Range& range : decision.kept_ranges) kept += range.end - range.begin;
  return decision.step >= 0 && decision.step <= pass.generated && decision.layer >= 0 &&
         below(decision.layer, overview.layers) && decision.kv_head >= -1 &&
         below(decision.kv_head, overview.kv_heads) && decision.cached >= 0 &&
         decision.cached <= positions && decision.kept == kept && decision.candidates >= 0 &&
         decision.cut >= 0 && decision.cut <= decision.candidates &&
         decision.candidates <= decision.cached && decision.halt_position >= -1 &&
         decision.halt_position < positions;
}

// Sizes of the lists beside what the decision says of them.
bool lists_agree(const Decision& decision, const SharedRows::Ranking* ranking, int64_t positions) {
  const auto candidates = static_cast<size_t>(decision.candidates);
  const bool ranking_agrees = !ranking || (ranking->positions.size() == candidates &&
                                           ranking->least >= 0 && ranking->most < positions);
  const bool curve_agrees = !decision.curve || (decision.curve->size() == candidates &&
                                                decision.curve_all->size() == candidates);
  return ranking_agrees && curve_agrees;
}

void read_decisions(const Trace& trace, const Overview& overview, SharedRows& shared,
                    PassDetail& detail) {
  const RowRange range = detail.info.rows.decisions;
  const auto rows = trace.read<Decisions>(range.begin, range.end);
  const auto rankings = shared.rankings(
      trace, distinct(rows.ranking, trace.rows<tracer::Rankings>(), "rankings", trace.path()));
  const auto curves = shared.curves(
      trace, distinct(rows.curve, trace.rows<tracer::Curves>(), "curves", trace.path()));
  const int64_t positions = int64_t{detail.info.prompt_tokens} + detail.info.generated;
  size_t damaged = 0;
  detail.decisions.reserve(rows.step.size());
  for (size_t i = 0; i < rows.step.size(); ++i) {
    Decision decision;
    decision.step = rows.step[i];
    decision.layer = rows.layer[i];
    decision.kv_head = rows.kv_head[i];
    decision.reason = rows.reason[i];
    decision.cached = rows.cached[i];
    decision.kept = rows.kept[i];
    decision.candidates = rows.candidates[i];
    decision.cut = rows.cut[i];
    decision.halt_position = rows.halt_position[i];
    decision.threshold = rows.threshold[i];
    decision.base_norm = rows.base_norm[i];
    decision.base_norm_all = rows.base_norm_all[i];
    decision.start_ns = rows.start_ns[i];
    decision.duration_ns = rows.duration_ns[i];
    const SharedRows::Ranking* ranking = nullptr;
    if (const auto found = rankings.find(rows.ranking[i]); found != rankings.end()) {
      ranking = found->second.get();
      decision.ranking = {found->second, &found->second->positions};
    }
    if (const auto found = curves.find(rows.curve[i]); found != curves.end()) {
      decision.curve = {found->second, &found->second->distance};
      decision.curve_all = {found->second, &found->second->distance_all};
    }
    if (ranges_of(rows.kept_ranges, i, positions, decision.kept_ranges) &&
        is_sound(decision, overview, detail.info) && lists_agree(decision, ranking, positions)) {
      detail.decisions.push_back(std::move(decision));
    } else {
      ++damaged;
    }
  }
  std::stable_sort(
      detail.decisions.begin(), detail.decisions.end(), [](const Decision& a, const Decision& b) {
        return std::tie(a.step, a.layer, a.kv_head) < std::tie(b.step, b.layer, b.kv_head);
      });
  if (damaged > 0) {
    detail.warnings.push_back(
        fmt::format("{} of {} decisions of this pass contradict themselves and are left out; the "
                    "file is damaged.",
                    damaged, rows.step.size()));
  }
}

}  // namespace

std::shared_ptr<const Prompt> read_prompt(const Trace& trace, int32_t sample, RowRange rows) {
  auto read = trace.read<tracer::Tokens>(rows.begin, rows.end);
  auto prompt = std::make_shared<Prompt>();
  prompt->ids = std::move(read.id);
  prompt->pieces = std::move(read.piece);
  try {
    const auto row = static_cast<uint64_t>(sample);
    prompt->text = trace.read_column(&tracer::Samples::text, row, row + 1).at(0);
  } catch (const Error&) {
    prompt->text.clear();  // damaged: the tokens say all that is shown
  }
  return prompt;
}

std::shared_ptr<const PassDetail> read_pass(const Trace& trace, const Overview& overview,
                                            const PassInfo& pass, SharedRows& shared) {
  auto detail = std::make_shared<PassDetail>();
  detail->info = pass;
  read_part(trace, *detail, [&] {
    const uint64_t row = pass.rows.row;
    detail->text = to_utf8_lossy(trace.read_column(&tracer::Passes::text, row, row + 1).at(0));
  });
  read_part(trace, *detail, [&] { read_steps(trace, *detail); });
  read_part(trace, *detail, [&] { read_memory(trace, *detail); });
  read_part(trace, *detail, [&] { read_decisions(trace, overview, shared, *detail); });
  return detail;
}

std::shared_ptr<const ThresholdSteps> read_threshold_steps(const Trace& trace,
                                                           const Overview& overview,
                                                           const PassInfo& pass,
                                                           SharedRows& shared) {
  PassDetail detail;
  detail.info = pass;
  read_decisions(trace, overview, shared, detail);
  const RunInfo& run = overview.runs.at(static_cast<size_t>(pass.run));
  auto steps = std::make_shared<ThresholdSteps>(threshold_steps(
      detail.decisions, pass.prompt_tokens, overview.layers, overview.kv_heads, curve_base(run)));
  if (!detail.warnings.empty()) steps->known = false;  // decisions were left out
  return steps;
}

}  // namespace kvreel::viewer
