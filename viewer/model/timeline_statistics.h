// Statistics of a range of time, by operation or by kernel: exact, counted in small portions so
// that no frame waits.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "viewer/model/timeline_view.h"

namespace kvreel::viewer {

enum class StatisticsOf : uint8_t { operations, kernels };

// Of the events that overlap the range, in whole or in part.
struct StatisticsRow {
  int32_t name = -1;  // row of names
  int category = kCategories - 1;
  uint64_t count = 0;
  double total_ns = 0;   // of what lies within the range
  double share = 0;      // of it of the range; kernels of several streams may exceed 1 together
  double median_ns = 0;  // of whole durations; between two of them as exports::quantile
  double p99_ns = 0;
};

enum class StatisticsColumn : uint8_t { name, count, total, median, p99, share };

class RangeStatistics {
 public:
  RangeStatistics(std::shared_ptr<const TimelineData> data, TimeRange range, StatisticsOf of);
  ~RangeStatistics();

  // Counts at most so many events; true when there is nothing left to do.
  bool advance(uint64_t events);
  bool done() const;
  uint64_t events() const;   // in the range
  uint64_t counted() const;  // of them
  // When done: descending by total.
  const std::vector<StatisticsRow>& rows() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Sorts by a column; `names` are the trace's.
void sort_rows(std::vector<StatisticsRow>& rows, StatisticsColumn by, bool descending,
               const std::vector<std::string>& names);

}  // namespace kvreel::viewer
