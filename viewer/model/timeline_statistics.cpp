// Counting durations twice: first into cells that grow with the duration, then exactly within the
// cells that hold the wanted order statistics.
#include "viewer/model/timeline_statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <tuple>

namespace kvreel::viewer {
namespace {

// 64 cells per octave: below 128 ns each value has its own.
constexpr int kBits = 6;

size_t cell_of(int64_t duration) {
  const auto value = static_cast<uint64_t>(duration);
  const int width = static_cast<int>(std::bit_width(value));
  if (width <= kBits + 1) return value;
  const int shift = width - kBits - 1;
  return (static_cast<size_t>(shift) << kBits) + (value >> shift);
}

// The order statistic of a rank, and where to look for it.
struct Wanted {
  uint64_t rank = 0;  // from 0
  size_t cell = 0;
  uint64_t before = 0;  // values in cells below
  int64_t value = 0;
};

struct Group {
  StatisticsRow row;
  int64_t total = 0;
  std::vector<uint64_t> cells;
  std::vector<Wanted> wanted;
  // Of the wanted cells, of which there are four at most.
  struct Values {
    size_t cell = 0;
    std::vector<int64_t> all;
  };
  std::vector<Values> values;
  Values* find(size_t cell) {
    for (Values& some : values) {
      if (some.cell == cell) return &some;
    }
    return nullptr;
  }
};

// Keys below this have a place in a table: every kernel of a real trace.
constexpr int32_t kDirect = 1 << 16;

// Ranks on both sides of a quantile, and the weight of the upper one (Hyndman and Fan's definition
// 7).
std::tuple<uint64_t, uint64_t, double> ranks_of(double q, uint64_t count) {
  const double at = q * static_cast<double>(count - 1);
  const auto low = static_cast<uint64_t>(std::floor(at));
  return {low, std::min(low + 1, count - 1), at - std::floor(at)};
}

}  // namespace

struct RangeStatistics::Parts {
  struct Piece {
    const EventBlock* block;
    size_t begin;
    size_t end;
  };
  std::shared_ptr<const TimelineData> data;
  TimeRange range;
  StatisticsOf of;
  std::vector<Piece> pieces;
  uint64_t events = 0;
  uint64_t counted = 0;  // over both passes
  int pass = 0;          // 0, 1; 2: done
  size_t piece = 0;
  size_t at = 0;
  int64_t begin_ns = 0;
  int64_t end_ns = 0;
  std::map<int32_t, Group> groups;
  std::vector<Group*> direct;  // by key + 128, into groups
  std::vector<StatisticsRow> rows;

  int32_t key(const EventBlock& block, size_t i) const {
    return of == StatisticsOf::kernels ? block.name[i] : static_cast<int8_t>(block.kind[i]);
  }
  Group& group_of(const EventBlock& block, size_t i) {
    const int32_t k = key(block, i);
    if (k < -128 || k >= kDirect) return groups[k];
    const auto slot = static_cast<size_t>(k + 128);
    if (slot >= direct.size()) direct.resize(slot + 1);
    if (direct[slot] == nullptr) direct[slot] = &groups[k];
    return *direct[slot];
  }
  void count(const EventBlock& block, size_t i);
  void collect(const EventBlock& block, size_t i);
  void locate();
  void finish();
};

RangeStatistics::RangeStatistics(std::shared_ptr<const TimelineData> data, TimeRange range,
                                 StatisticsOf of)
    : parts_(std::make_unique<Parts>()) {
  Parts& p = *parts_;
  p.data = std::move(data);
  p.range = range;
  p.of = of;
  p.begin_ns = static_cast<int64_t>(std::ceil(range.begin));
  p.end_ns = static_cast<int64_t>(std::floor(range.end));
  const TrackKind kind = of == StatisticsOf::kernels ? TrackKind::stream : TrackKind::operations;
  for (const Track& track : p.data->tracks) {
    if (track.kind != kind) continue;
    for (const auto& block : track.blocks) {
      if (static_cast<double>(block->end_ns()) < range.begin ||
          static_cast<double>(block->begin_ns()) >= range.end) {
        continue;
      }
      const size_t begin = block->first_ending_after(range.begin);
      const size_t end = block->first_starting_at(range.end);
      if (begin >= end) continue;
      p.pieces.push_back({block.get(), begin, end});
      p.events += end - begin;
    }
  }
  if (p.events == 0) {
    p.pass = 2;
  } else {
    p.at = p.pieces.front().begin;
  }
}

RangeStatistics::~RangeStatistics() = default;

void RangeStatistics::Parts::count(const EventBlock& block, size_t i) {
  Group& group = group_of(block, i);
  if (group.row.count == 0) {
    group.row.name = key(block, i);
    group.row.category = block.category(i);
  }
  ++group.row.count;
  const int64_t inside =
      std::min(block.start[i] + block.duration[i], end_ns) - std::max(block.start[i], begin_ns);
  group.total += std::max<int64_t>(0, inside);
  const size_t cell = cell_of(block.duration[i]);
  if (group.cells.size() <= cell) group.cells.resize(cell + 1);
  ++group.cells[cell];
}

// After the first pass: the cells in which the wanted ranks lie.
void RangeStatistics::Parts::locate() {
  for (auto& [_, group] : groups) {
    for (const double q : {0.5, 0.99}) {
      const auto [low, high, weight] = ranks_of(q, group.row.count);
      group.wanted.push_back({low});
      group.wanted.push_back({high});
    }
    for (Wanted& wanted : group.wanted) {
      uint64_t before = 0;
      size_t cell = 0;
      while (before + group.cells[cell] <= wanted.rank) before += group.cells[cell++];
      wanted.cell = cell;
      wanted.before = before;
      if (group.find(cell) == nullptr) {
        group.values.push_back({cell, {}});
        group.values.back().all.reserve(group.cells[cell]);
      }
    }
  }
}

void RangeStatistics::Parts::collect(const EventBlock& block, size_t i) {
  Group& group = group_of(block, i);
  if (Group::Values* values = group.find(cell_of(block.duration[i]))) {
    values->all.push_back(block.duration[i]);
  }
}

void RangeStatistics::Parts::finish() {
  for (auto& [_, group] : groups) {
    for (Wanted& wanted : group.wanted) {
      std::vector<int64_t>& values = group.find(wanted.cell)->all;
      const auto nth = values.begin() + static_cast<ptrdiff_t>(wanted.rank - wanted.before);
      std::nth_element(values.begin(), nth, values.end());
      wanted.value = *nth;
    }
    const auto between = [&](double q, size_t first) {
      const double weight = std::get<2>(ranks_of(q, group.row.count));
      const auto low = static_cast<double>(group.wanted[first].value);
      return low + weight * (static_cast<double>(group.wanted[first + 1].value) - low);
    };
    group.row.median_ns = between(0.5, 0);
    group.row.p99_ns = between(0.99, 2);
    group.row.total_ns = static_cast<double>(group.total);
    group.row.share = range.length() > 0 ? group.row.total_ns / range.length() : 0;
    rows.push_back(group.row);
  }
  groups.clear();
  direct.clear();
  sort_rows(rows, StatisticsColumn::total, true, {});
}

bool RangeStatistics::advance(uint64_t budget) {
  Parts& p = *parts_;
  while (budget > 0 && p.pass < 2) {
    const Parts::Piece& piece = p.pieces[p.piece];
    const size_t end = std::min<size_t>(piece.end, p.at + budget);
    budget -= end - p.at;
    p.counted += end - p.at;
    if (p.pass == 0) {
      for (; p.at < end; ++p.at) p.count(*piece.block, p.at);
    } else {
      for (; p.at < end; ++p.at) p.collect(*piece.block, p.at);
    }
    if (p.at < piece.end) break;
    if (++p.piece < p.pieces.size()) {
      p.at = p.pieces[p.piece].begin;
      continue;
    }
    p.piece = 0;
    p.at = p.pieces.front().begin;
    if (p.pass++ == 0) {
      p.locate();
    } else {
      p.finish();
    }
  }
  return p.pass == 2;
}

bool RangeStatistics::done() const {
  return parts_->pass == 2;
}
uint64_t RangeStatistics::events() const {
  return parts_->events;
}
uint64_t RangeStatistics::counted() const {
  return parts_->counted / 2;
}
const std::vector<StatisticsRow>& RangeStatistics::rows() const {
  return parts_->rows;
}

void sort_rows(std::vector<StatisticsRow>& rows, StatisticsColumn by, bool descending,
               const std::vector<std::string>& names) {
  const auto name = [&](const StatisticsRow& row) {
    const auto i = static_cast<size_t>(row.name);
    return row.name >= 0 && i < names.size() ? names[i] : std::string();
  };
  const auto less = [&](const StatisticsRow& a, const StatisticsRow& b) {
    switch (by) {
      case StatisticsColumn::name:
        return name(a) < name(b);
      case StatisticsColumn::count:
        return a.count < b.count;
      case StatisticsColumn::median:
        return a.median_ns < b.median_ns;
      case StatisticsColumn::p99:
        return a.p99_ns < b.p99_ns;
      case StatisticsColumn::total:
      case StatisticsColumn::share:
        return a.total_ns < b.total_ns;
    }
    return false;
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const StatisticsRow& a, const StatisticsRow& b) {
    return descending ? less(b, a) : less(a, b);
  });
}

}  // namespace kvreel::viewer
