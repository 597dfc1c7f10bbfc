// Reduction keeps what is seen: against brute force.
#include "exports/plot/reduce.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <vector>

#include "exports/plot/example_figures.h"

namespace kvreel::plot {
namespace {

using testing::Dice;

struct Column {
  Point first, last;
  double least = 1e300, most = -1e300;
  std::size_t n = 0;
  bool operator==(const Column& other) const {
    return first == other.first && last == other.last && least == other.least && most == other.most;
  }
};

std::map<long, Column> columns_of(const std::vector<Point>& points, double dot) {
  std::map<long, Column> columns;
  for (const Point& p : points) {
    Column& column = columns[std::lround(std::floor(p.x / dot))];
    if (column.n++ == 0) column.first = p;
    column.last = p;
    column.least = std::min(column.least, p.y);
    column.most = std::max(column.most, p.y);
  }
  return columns;
}

TEST(ReduceLine, KeepsFirstLeastLargestAndLastOfEveryColumn) {
  Dice dice(9);
  for (int trial = 0; trial < 40; ++trial) {
    std::vector<Point> points;
    double x = dice.between(-5, 5);
    const int n = 5 + dice.upto(4000);
    for (int i = 0; i < n; ++i) {
      points.push_back({x, dice.bell()});
      // Also several values at one place.
      if (dice.next() < 0.9) x += 0.02 * dice.next();
    }
    const double dot = dice.between(0.05, 0.5);
    const std::vector<Point> reduced = reduce_line(points, dot);
    const auto before = columns_of(points, dot), after = columns_of(reduced, dot);
    ASSERT_EQ(before.size(), after.size());
    for (const auto& [column, kept] : after) {
      EXPECT_TRUE(kept == before.at(column));
      EXPECT_LE(kept.n, 4u);
    }
    // In the order of the line: a subsequence.
    std::size_t at = 0;
    for (const Point& p : reduced) {
      while (at < points.size() && !(points[at] == p)) ++at;
      ASSERT_LT(at, points.size());
      ++at;
    }
  }
}

TEST(ReduceLine, LeavesLinesThatGoBackAsTheyAre) {
  const std::vector<Point> circle = {{0, 0}, {1, 1}, {0, 2}, {-1, 1}, {0, 0}, {1, 1}};
  EXPECT_EQ(reduce_line(circle, 10), circle);
}

TEST(ReduceBand, IsAsWideAsTheWidestOfItsColumn) {
  Dice dice(10);
  std::vector<BandPoint> points;
  for (int i = 0; i < 5000; ++i) {
    const double middle = dice.bell();
    points.push_back({i * 0.01, middle - dice.next(), middle + dice.next()});
  }
  const std::vector<BandPoint> reduced = reduce_band(points, 0.5);
  EXPECT_LE(reduced.size(), 2 * 101u);
  for (const BandPoint& p : points) {
    const double column = std::floor(p.x / 0.5);
    bool covered = false;
    for (const BandPoint& kept : reduced) {
      if (std::floor(kept.x / 0.5) != column) continue;
      covered = covered || (kept.top <= p.top && kept.bottom >= p.bottom);
    }
    EXPECT_TRUE(covered) << p.x;
  }
}

TEST(VisiblePoints, AreOneADot) {
  const std::vector<Point> points = {{0.1, 0.1}, {5, 5}, {0.2, 0.3}, {5.4, 5.4}, {9, 9}};
  // Of points in one dot the one that is drawn last.
  EXPECT_EQ(visible_points(points, 1), (std::vector<std::size_t>{2, 3, 4}));
  EXPECT_EQ(visible_points(points, 0.01).size(), 5u);
}

HeatMap random_map(std::size_t rows, std::size_t columns, uint64_t seed) {
  Dice dice(seed);
  HeatMap map;
  map.rows = rows;
  map.columns = columns;
  for (std::size_t i = 0; i < rows * columns; ++i) {
    map.values.push_back(dice.next() < 0.1 ? std::nanf("")
                                           : static_cast<float>(dice.between(-1, 1)));
  }
  return map;
}

TEST(ReduceMap, JoinsCellsAsStated) {
  HeatMap map = random_map(7, 53, 3);
  for (const Aggregate aggregate : {Aggregate::mean, Aggregate::max, Aggregate::min}) {
    map.aggregate = aggregate;
    const Cells cells = reduce_map(map, 1, 6, 2, 51, 2, 5);
    ASSERT_EQ(cells.rows, 3u);
    ASSERT_EQ(cells.columns, 10u);
    for (std::size_t r = 0; r < cells.rows; ++r) {
      for (std::size_t c = 0; c < cells.columns; ++c) {
        double sum = 0;
        float least = 1e9f, most = -1e9f;
        int n = 0;
        for (std::size_t i = 1 + 2 * r; i < std::min<std::size_t>(3 + 2 * r, 6); ++i) {
          for (std::size_t j = 2 + 5 * c; j < std::min<std::size_t>(7 + 5 * c, 51); ++j) {
            const float v = map.values[i * map.columns + j];
            if (std::isnan(v)) continue;
            sum += static_cast<double>(v);
            least = std::min(least, v);
            most = std::max(most, v);
            ++n;
          }
        }
        const float got = cells.values[r * cells.columns + c];
        if (n == 0) {
          EXPECT_TRUE(std::isnan(got));
        } else if (aggregate == Aggregate::mean) {
          EXPECT_NEAR(got, sum / n, 1e-6);  // floats near 1
        } else {
          EXPECT_EQ(got, aggregate == Aggregate::max ? most : least);
        }
      }
    }
  }
}

TEST(ReduceMap, OfKindsTakesTheMostFrequent) {
  HeatMap map;
  map.rows = 1;
  map.columns = 7;
  map.values = {0, 1, 1, 2, 0, 2, 1};
  map.kinds = {{Ink::evicted, "a"}, {Ink::kept, "b"}, {Ink::sink, "c"}};
  // 0 1 1 -> 1; 2 0 2 -> 2; the last alone. Of several the lowest: 0 1 -> 0.
  EXPECT_EQ(reduce_map(map, 0, 1, 0, 7, 1, 3).values, (std::vector<float>{1, 2, 1}));
  EXPECT_EQ(reduce_map(map, 0, 1, 0, 2, 1, 2).values, (std::vector<float>{0}));
}

}  // namespace
}  // namespace kvreel::plot
