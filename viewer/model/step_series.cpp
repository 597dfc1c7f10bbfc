// Reduction of lines and placing of labels.
#include "viewer/model/step_series.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvreel::viewer {
namespace {

// First, least, largest and last of values [begin, end), in order.
void add_column(std::span<const double> values, size_t begin, size_t end,
                std::vector<SeriesPoint>& out) {
  size_t first = end;
  size_t last = end;
  size_t least = end;
  size_t most = end;
  for (size_t i = begin; i < end; ++i) {
    if (std::isnan(values[i])) continue;
    if (first == end) first = least = most = i;
    last = i;
    if (values[i] < values[least]) least = i;
    if (values[i] > values[most]) most = i;
  }
  if (first == end) return;
  size_t chosen[] = {first, least, most, last};
  std::sort(std::begin(chosen), std::end(chosen));
  for (size_t i = 0; i < std::size(chosen); ++i) {
    if (i == 0 || chosen[i] != chosen[i - 1]) out.push_back({chosen[i], values[chosen[i]]});
  }
}

}  // namespace

std::vector<SeriesPoint> reduce_series(std::span<const double> values, size_t columns) {
  std::vector<SeriesPoint> points;
  if (columns == 0) return points;
  if (values.size() <= 4 * columns) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (!std::isnan(values[i])) points.push_back({i, values[i]});
    }
    return points;
  }
  for (size_t column = 0; column < columns; ++column) {
    add_column(values, column * values.size() / columns, (column + 1) * values.size() / columns,
               points);
  }
  return points;
}

std::vector<float> place_labels(std::span<const float> wanted, float height, float low,
                                float high) {
  std::vector<size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return wanted[a] < wanted[b]; });
  std::vector<float> placed(wanted.begin(), wanted.end());
  // Down from the top, then up from the bottom where that ran over the end.
  float next = low;
  for (const size_t i : order) {
    placed[i] = std::max(placed[i], next);
    next = placed[i] + height;
  }
  next = high;
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    placed[*i] = std::min(placed[*i], next);
    next = placed[*i] - height;
  }
  return placed;
}

}  // namespace kvreel::viewer
