// The decisions that a policy made for one pass at the end of prefill, with what they refer to.
#include "exports/figures/decision_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

// One row of a list column that a decision names.
template <typename Table, typename T>
std::vector<T> read_row(const Source& source, t::List<T> Table::*column, int64_t row) {
  if (row < 0) return {};
  const auto at = static_cast<uint64_t>(row);
  if (at >= source.trace.rows<Table>()) {
    fail("a decision of {} names row {} of table '{}', which has {}; the file is damaged",
         source.trace.path(), row, Table::kName, source.trace.rows<Table>());
  }
  return source.trace.read_column(column, at, at + 1).values;
}

// Before memory is taken for what a damaged row claims.
void check_cached(const Source& source, const PassAt& pass, const PrefillDecision& decision) {
  const uint64_t prompt = source.labels.tokens(pass.sample).count();
  if (decision.cached >= 0 && static_cast<uint64_t>(decision.cached) <= prompt) return;
  fail(
      "a decision of layer {} in {} speaks of {} cached positions, and sample '{}' has {} tokens; "
      "the file is damaged",
      decision.layer, source.trace.path(), decision.cached, source.labels.sample(pass.sample),
      prompt);
}

void check_ranges(const Source& source, const PrefillDecision& decision) {
  int64_t last = 0;
  bool sound = decision.kept_ranges.size() % 2 == 0 && decision.cached >= 0;
  for (const int32_t edge : decision.kept_ranges) {
    sound = sound && edge >= last && edge <= decision.cached;
    last = edge;
  }
  if (!sound) {
    fail(
        "a decision of layer {} in {} keeps positions that are not among the {} that were cached; "
        "the file is damaged",
        decision.layer, source.trace.path(), decision.cached);
  }
}

}  // namespace

PassDecisions read_decisions(const Source& source, const PassAt& pass) {
  PassDecisions decisions;
  for_each_row<t::Decisions>(
      source.trace, pass_rows(source, &t::Passes::decisions_end, pass.row),
      [&](const t::Decisions& block, size_t i, uint64_t) {
        if (block.step[i] != 0) {
          decisions.later = decisions.later || block.kept[i] < block.cached[i];
          return;
        }
        PrefillDecision decision{.layer = block.layer[i],
                                 .kv_head = block.kv_head[i],
                                 .reason = block.reason[i],
                                 .cached = block.cached[i],
                                 .kept = block.kept[i],
                                 .cut = block.cut[i],
                                 .halt_position = block.halt_position[i],
                                 .threshold = block.threshold[i],
                                 .ranking = block.ranking[i],
                                 .curve = block.curve[i],
                                 .kept_ranges = {}};
        const auto begin = static_cast<std::ptrdiff_t>(block.kept_ranges.begin_of(i));
        const auto end = static_cast<std::ptrdiff_t>(block.kept_ranges.end_of(i));
        decision.kept_ranges.assign(block.kept_ranges.values.begin() + begin,
                                    block.kept_ranges.values.begin() + end);
        check_cached(source, pass, decision);
        check_ranges(source, decision);
        decisions.at_prefill.push_back(std::move(decision));
      });
  std::stable_sort(decisions.at_prefill.begin(), decisions.at_prefill.end(),
                   [](const PrefillDecision& a, const PrefillDecision& b) {
                     return std::tie(a.layer, a.kv_head) < std::tie(b.layer, b.kv_head);
                   });
  return decisions;
}

std::vector<int32_t> read_ranking(const Source& source, const PrefillDecision& decision) {
  return read_row(source, &t::Rankings::positions, decision.ranking);
}

std::vector<float> read_curve(const Source& source, const PrefillDecision& decision,
                              bool base_all) {
  return read_row(source, base_all ? &t::Curves::distance_all : &t::Curves::distance,
                  decision.curve);
}

bool base_is_all(const FigureRun& run) {
  const std::string* const base = run.parameter("base");
  return base != nullptr && *base == "all";
}

std::vector<TokenKind> token_kinds(const Source& source, const PrefillDecision& decision,
                                   int32_t sinks) {
  std::vector<TokenKind> kinds(static_cast<size_t>(decision.cached), TokenKind::evicted);
  check_ranges(source, decision);
  for (size_t i = 0; i + 1 < decision.kept_ranges.size(); i += 2) {
    for (int32_t at = decision.kept_ranges[i]; at < decision.kept_ranges[i + 1]; ++at)
      kinds[static_cast<size_t>(at)] = at < sinks ? TokenKind::sink : TokenKind::kept;
  }
  return kinds;
}

int32_t sinks_of_layer(const Source& source, const std::vector<PrefillDecision>& decisions,
                       int32_t layer) {
  int32_t first = -1;
  for (const PrefillDecision& decision : decisions) {
    if (decision.layer != layer) continue;
    for (const int32_t position : read_ranking(source, decision))
      first = first < 0 ? position : std::min(first, position);
  }
  return std::max(first, 0);
}

std::string halt_text(const Source& source, const PassAt& pass, const PrefillDecision& decision) {
  if (decision.halt_position < 0) return "";
  PieceReader pieces(source.trace, source.labels);
  const std::optional<std::string> piece = pieces.at(pass.run, pass.sample, decision.halt_position);
  const std::string where =
      decision.kv_head < 0
          ? fmt::format("position {}", decision.halt_position)
          : fmt::format("position {}, KV head {}", decision.halt_position, decision.kv_head);
  return piece ? fmt::format("'{}' ({})", shown(*piece, 16), where) : where;
}

std::string threshold_text(double threshold) {
  return "T = " + percent_text(threshold);
}

}  // namespace kvreel::exports
