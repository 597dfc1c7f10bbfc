// Norm curves as few points as a screen has pixels.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace kvreel::viewer {

struct CurvePoint {
  double x = 0;  // candidates evicted
  double y = 0;  // drop of the norm
  bool operator==(const CurvePoint&) const = default;
};

// Least and most of blocks of a curve, level by level. Keeps the curve alive.
class CurvePyramid {
 public:
  explicit CurvePyramid(std::shared_ptr<const std::vector<float>> curve);
  const std::vector<float>& values() const { return *curve_; }

  struct Extremes {
    float least = 0;
    float most = 0;
  };
  // Over [begin, end), not empty. NaN values are left out; NaN where there are no others.
  Extremes extremes(size_t begin, size_t end) const;

  // A line over the visible part [begin, end) of the x axis: all points where there are few, else
  // the first, least, most and last of each of `columns` columns, in order of x.
  std::vector<CurvePoint> line(double begin, double end, int columns) const;

 private:
  std::shared_ptr<const std::vector<float>> curve_;
  std::vector<std::vector<Extremes>> levels_;  // blocks of 16, 32, ...
};

}  // namespace kvreel::viewer
