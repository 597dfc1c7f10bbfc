// Tables of what policies decided: decisions, evictions, curves.
#include "base/error.h"
#include "exports/tables/definitions.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

// Rankings and curves by row; the one read last is kept, since decisions that follow each other
// often share it.
class SharedRows {
 public:
  explicit SharedRows(const t::Trace& trace) : trace_(trace) {}

  // Candidates in the order of eviction, empty where the decision has no ranking.
  const std::vector<int32_t>& ranking(int64_t row) {
    if (row != ranking_row_) {
      ranking_ =
          row < 0 ? std::vector<int32_t>() : read(&t::Rankings::positions, row, t::Rankings::kName);
      ranking_row_ = row;
    }
    return ranking_;
  }
  // What each candidate was ranked by, likewise; empty where they are ranked by position alone.
  const std::vector<float>& scores(int64_t row) {
    if (row != scores_row_) {
      scores_ =
          row < 0 ? std::vector<float>() : read(&t::Rankings::scores, row, t::Rankings::kName);
      scores_row_ = row;
    }
    return scores_;
  }
  // Empty where the decision has no curve.
  const std::vector<float>& distance(int64_t row) {
    load_curve(row);
    return distance_;
  }
  const std::vector<float>& distance_all(int64_t row) {
    load_curve(row);
    return distance_all_;
  }

 private:
  void load_curve(int64_t row) {
    if (row == curve_row_) return;
    distance_.clear();
    distance_all_.clear();
    if (row >= 0) {
      distance_ = read(&t::Curves::distance, row, t::Curves::kName);
      distance_all_ = read(&t::Curves::distance_all, row, t::Curves::kName);
    }
    curve_row_ = row;
  }

  template <typename Table, typename T>
  std::vector<T> read(t::List<T> Table::*column, int64_t row, std::string_view table) const {
    const auto at = static_cast<uint64_t>(row);
    if (at >= trace_.rows<Table>()) {
      fail("a decision of {} names row {} of table '{}', which has {}; the file is damaged",
           trace_.path(), row, table, trace_.rows<Table>());
    }
    return trace_.read_column(column, at, at + 1).values;
  }

  const t::Trace& trace_;
  int64_t ranking_row_ = -1;
  int64_t scores_row_ = -1;
  int64_t curve_row_ = -1;
  std::vector<int32_t> ranking_;
  std::vector<float> scores_;
  std::vector<float> distance_;
  std::vector<float> distance_all_;
};

Cell value_at(const std::vector<float>& values, int64_t i) {
  const bool there = i >= 0 && static_cast<uint64_t>(i) < values.size();
  return there ? Cell(values[static_cast<size_t>(i)]) : Cell();
}

// Part of the norm that the halting candidate alone holds: what the distance would grow by if it
// went, too. None at the curve's end.
Cell halt_share(const std::vector<float>& distance, int64_t cut) {
  const Cell at_cut = value_at(distance, cut);
  const Cell beyond = value_at(distance, cut + 1);
  if (is_none(at_cut) || is_none(beyond)) return {};
  return Cell(std::get<float>(beyond) - std::get<float>(at_cut));
}

// The positions that went, where the trace says so: the ranking's first ones; without a ranking
// those that are missing in prefill, when all positions were cached.
Cell evicted_text(const Source& source, uint64_t row, const t::Decisions& block, size_t i) {
  if (block.ranking[i] >= 0) return Cell(ranges_text(source.trace.evicted_positions(row)));
  if (block.kept[i] == block.cached[i]) return Cell(std::string());
  if (block.step[i] != 0) return {};
  std::vector<int32_t> gaps;
  int32_t next = 0;
  for (uint64_t at = block.kept_ranges.begin_of(i); at + 1 < block.kept_ranges.end_of(i); at += 2) {
    if (block.kept_ranges.values[at] > next) {
      gaps.push_back(next);
      gaps.push_back(block.kept_ranges.values[at]);
    }
    next = block.kept_ranges.values[at + 1];
  }
  if (block.cached[i] > next) {
    gaps.push_back(next);
    gaps.push_back(block.cached[i]);
  }
  return Cell(ranges_text(gaps.data(), gaps.size()));
}

template <typename Use>
void for_each_decision(const Source& source, Use&& use) {
  for_each_selected<t::Decisions>(source, &t::Passes::decisions_end, use);
}

// Run, sample, step, layer, KV head.
Row where(const Source& source, const t::Decisions& block, size_t i) {
  Row row = event_cells(source, block, i);
  row.push_back(whole(block.layer[i]));
  row.push_back(unless_negative(block.kv_head[i]));
  return row;
}

void decisions(const Source& source, RowSink& sink) {
  SharedRows shared(source.trace);
  PieceReader pieces(source.trace, source.labels);
  const bool has_temperature = source.trace.has_column(&t::Decisions::temperature);
  for_each_decision(source, [&](const t::Decisions& block, size_t i, uint64_t row) {
    const std::optional<std::string> halt_token =
        pieces.at(block.run[i], block.sample[i], block.halt_position[i]);
    const double budget = static_cast<double>(block.kept[i]) / block.cached[i];
    const uint64_t ranges = block.kept_ranges.begin_of(i);
    Row cells = where(source, block, i);
    for (Cell& cell : std::vector<Cell>{
             Cell(name_of(kReasonNames, block.reason[i])), whole(block.cached[i]),
             whole(block.kept[i]), whole(block.candidates[i]), whole(block.cut[i]), Cell(budget),
             unless_negative(block.halt_position[i]), halt_token ? Cell(*halt_token) : Cell(),
             halt_share(shared.distance(block.curve[i]), block.cut[i]), Cell(block.threshold[i]),
             has_temperature ? Cell(block.temperature[i]) : Cell(), Cell(block.distance[i]),
             Cell(block.distance_all[i]), Cell(block.base_norm[i]), Cell(block.base_norm_all[i]),
             whole(block.duration_ns[i]),
             Cell(ranges_text(block.kept_ranges.values.data() + ranges,
                              block.kept_ranges.end_of(i) - ranges)),
             evicted_text(source, row, block, i)}) {
      cells.push_back(std::move(cell));
    }
    sink.row(cells);
  });
}

void evictions(const Source& source, RowSink& sink) {
  SharedRows shared(source.trace);
  PieceReader pieces(source.trace, source.labels);
  for_each_decision(source, [&](const t::Decisions& block, size_t i, uint64_t row) {
    const Row begin = where(source, block, i);
    const std::vector<int32_t> evicted = source.trace.evicted_positions(row);
    for (size_t order = 0; order < evicted.size(); ++order) {
      Row cells = begin;
      const std::optional<std::string> piece =
          pieces.at(block.run[i], block.sample[i], evicted[order]);
      const auto gone = static_cast<int64_t>(order + 1);
      cells.push_back(whole(static_cast<int64_t>(order)));
      cells.push_back(whole(evicted[order]));
      cells.push_back(piece ? Cell(*piece) : Cell());
      cells.push_back(value_at(shared.scores(block.ranking[i]), static_cast<int64_t>(order)));
      cells.push_back(value_at(shared.distance(block.curve[i]), gone));
      cells.push_back(value_at(shared.distance_all(block.curve[i]), gone));
      sink.row(cells);
    }
  });
}

void curves(const Source& source, RowSink& sink) {
  SharedRows shared(source.trace);
  for_each_decision(source, [&](const t::Decisions& block, size_t i, uint64_t) {
    const Row begin = where(source, block, i);
    const std::vector<float>& distance = shared.distance(block.curve[i]);
    const std::vector<float>& distance_all = shared.distance_all(block.curve[i]);
    const std::vector<int32_t>& ranking = shared.ranking(block.ranking[i]);
    for (size_t at = 0; at < distance.size(); ++at) {
      Row cells = begin;
      cells.push_back(whole(static_cast<int64_t>(at)));
      cells.emplace_back();
      if (at < ranking.size()) cells.back() = int64_t{ranking[at]};
      cells.push_back(Cell(distance[at]));
      cells.push_back(value_at(distance_all, static_cast<int64_t>(at)));
      sink.row(cells);
    }
  });
}

}  // namespace

std::vector<Definition> decision_tables() {
  using namespace column;
  return {{"decisions",
           "Decisions: what stays of a layer's cache, and why",
           {text("run"),
            text("sample"),
            count("step"),
            count("layer"),
            count("kv_head"),
            text("reason"),
            count("cached", "positions"),
            count("kept", "positions"),
            count("candidates", "positions"),
            count("cut", "positions"),
            share("budget"),
            count("halt_position", "position"),
            text("halt_token"),
            share("halt_share"),
            number("threshold"),
            number("temperature"),
            number("distance"),
            number("distance_all"),
            number("base_norm"),
            number("base_norm_all"),
            duration("decide_ns"),
            text("kept_positions"),
            text("evicted_positions")},
           decisions},
          {"evictions",
           "Evicted tokens in the order in which they went",
           {text("run"), text("sample"), count("step"), count("layer"), count("kv_head"),
            count("order"), count("position", "position"), text("token"), number("score", ""),
            number("distance"), number("distance_all")},
           evictions},
          {"curves",
           "Norm curves: value i is the drop of the attention norm when the first i candidates go",
           {text("run"), text("sample"), count("step"), count("layer"), count("kv_head"),
            count("i"), count("position", "position"), number("distance"), number("distance_all")},
           curves}};
}

}  // namespace kvreel::exports
