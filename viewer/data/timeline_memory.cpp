// Extremes of cache bytes by groups.
#include "viewer/data/timeline_memory.h"

#include <algorithm>
#include <numeric>

namespace kvreel::viewer {
namespace {

MemoryExtremes joined(const MemoryExtremes& a, const MemoryExtremes& b) {
  if (!a.any) return b;
  if (!b.any) return a;
  return {true, std::min(a.held_least, b.held_least), std::max(a.held_most, b.held_most),
          std::max(a.asked_most, b.asked_most)};
}

template <typename T>
void reorder(std::vector<T>& values, const std::vector<size_t>& order) {
  std::vector<T> sorted;
  sorted.reserve(values.size());
  for (const size_t i : order) sorted.push_back(values[i]);
  values = std::move(sorted);
}

}  // namespace

void finish_memory_block(MemoryBlock& block) {
  if (!std::is_sorted(block.time.begin(), block.time.end())) {
    std::vector<size_t> order(block.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return block.time[a] < block.time[b]; });
    reorder(block.time, order);
    reorder(block.until, order);
    reorder(block.asked, order);
    reorder(block.held, order);
  }
  for (size_t i = 0; i < block.size(); ++i) {
    if (i + 1 < block.size()) block.until[i] = std::min(block.until[i], block.time[i + 1]);
    block.until[i] = std::max(block.until[i], block.time[i]);
  }
  block.levels.clear();
  const auto group = [&](size_t count, const auto& at) {
    std::vector<MemoryExtremes> level(count / MemoryBlock::kGroup);
    for (size_t i = 0; i < level.size() * MemoryBlock::kGroup; ++i) {
      MemoryExtremes& to = level[i / MemoryBlock::kGroup];
      to = joined(to, at(i));
    }
    return level;
  };
  const auto single = [&](size_t i) {
    return MemoryExtremes{true, block.held[i], block.held[i], block.asked[i]};
  };
  std::vector<MemoryExtremes> level = group(block.size(), single);
  while (!level.empty()) {
    block.levels.push_back(level);
    const std::vector<MemoryExtremes>& below = block.levels.back();
    level = group(below.size(), [&](size_t i) { return below[i]; });
  }
}

MemoryExtremes MemoryBlock::extremes(size_t begin, size_t end) const {
  MemoryExtremes sum;
  end = std::min(end, size());
  // Up the levels from both ends, as far as whole groups lie between.
  size_t level = 0;  // 0: events, k: levels[k - 1]
  const auto at = [&](size_t i) {
    return level == 0 ? MemoryExtremes{true, held[i], held[i], asked[i]} : levels[level - 1][i];
  };
  while (begin < end) {
    const bool has_above = level < levels.size();
    while (begin < end && (!has_above || begin % kGroup != 0)) sum = joined(sum, at(begin++));
    if (begin >= end) break;
    while (end > begin && end % kGroup != 0) sum = joined(sum, at(--end));
    if (begin >= end) break;
    begin /= kGroup;
    end /= kGroup;
    ++level;
  }
  return sum;
}

size_t MemoryBlock::first_at(double t) const {
  const auto found = std::lower_bound(time.begin(), time.end(), t, [](int64_t value, double x) {
    return static_cast<double>(value) < x;
  });
  return static_cast<size_t>(found - time.begin());
}

size_t MemoryBlock::first_until_after(double t) const {
  const size_t i = first_at(t);
  return i > 0 && static_cast<double>(until[i - 1]) > t ? i - 1 : i;
}

}  // namespace kvreel::viewer
