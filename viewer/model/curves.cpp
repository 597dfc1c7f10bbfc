// The pyramid of a curve, and lines from it.
#include "viewer/model/curves.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvreel::viewer {
namespace {

constexpr size_t kBlock = 16;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// std::fmin and std::fmax leave NaN out.
CurvePyramid::Extremes merge(CurvePyramid::Extremes a, CurvePyramid::Extremes b) {
  return {std::fmin(a.least, b.least), std::fmax(a.most, b.most)};
}

}  // namespace

CurvePyramid::CurvePyramid(std::shared_ptr<const std::vector<float>> curve)
    : curve_(std::move(curve)) {
  const std::vector<float>& values = *curve_;
  if (values.size() <= kBlock) return;
  std::vector<Extremes> level;
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    Extremes block{kNan, kNan};
    for (size_t i = begin; i < std::min(begin + kBlock, values.size()); ++i) {
      block = merge(block, {values[i], values[i]});
    }
    level.push_back(block);
  }
  levels_.push_back(std::move(level));
  while (levels_.back().size() > 1) {
    const std::vector<Extremes>& below = levels_.back();
    std::vector<Extremes> above;
    for (size_t i = 0; i < below.size(); i += 2) {
      above.push_back(i + 1 < below.size() ? merge(below[i], below[i + 1]) : below[i]);
    }
    levels_.push_back(std::move(above));
  }
}

CurvePyramid::Extremes CurvePyramid::extremes(size_t begin, size_t end) const {
  const std::vector<float>& values = *curve_;
  Extremes found{kNan, kNan};
  end = std::min(end, values.size());
  while (begin < end) {
    // The widest block that begins here and ends in time.
    size_t block = 1;
    const Extremes* extremes = nullptr;
    for (size_t level = 0; level < levels_.size(); ++level) {
      const size_t size = kBlock << level;
      if (begin % size != 0 || begin + size > end) break;
      block = size;
      extremes = &levels_[level][begin / size];
    }
    found = merge(found, extremes != nullptr ? *extremes : Extremes{values[begin], values[begin]});
    begin += block;
  }
  return found;
}

std::vector<CurvePoint> CurvePyramid::line(double begin, double end, int columns) const {
  const std::vector<float>& values = *curve_;
  std::vector<CurvePoint> points;
  if (values.empty() || !(end > begin) || columns < 1) return points;
  const auto size = static_cast<double>(values.size());
  const auto first = static_cast<size_t>(std::clamp(std::floor(begin), 0., size));
  const auto last = static_cast<size_t>(std::clamp(std::ceil(end) + 1, 0., size));
  if (first >= last) return points;
  const auto point = [&](size_t i) {
    points.push_back({static_cast<double>(i), static_cast<double>(values[i])});
  };
  if (last - first <= static_cast<size_t>(columns) * 4) {
    for (size_t i = first; i < last; ++i) point(i);
    return points;
  }
  const double per_column = static_cast<double>(last - first) / columns;
  for (int column = 0; column < columns; ++column) {
    const size_t from = first + static_cast<size_t>(per_column * column);
    const size_t to =
        column + 1 == columns ? last : first + static_cast<size_t>(per_column * (column + 1));
    const Extremes of_column = extremes(from, to);
    const double middle = (static_cast<double>(from) + static_cast<double>(to - 1)) / 2;
    point(from);
    // Between the two, where in the column does not matter: it is one pixel wide.
    if (of_column.least < std::min(values[from], values[to - 1])) {
      points.push_back({middle, static_cast<double>(of_column.least)});
    }
    if (of_column.most > std::max(values[from], values[to - 1])) {
      points.push_back({middle, static_cast<double>(of_column.most)});
    }
    point(to - 1);
  }
  return points;
}

}  // namespace kvreel::viewer
