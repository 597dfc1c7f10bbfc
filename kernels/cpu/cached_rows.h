// The cached rows of a KV head: which of them a query sees, and where they lie.
#pragma once

#include "kernels/cpu/simd_common.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

struct KeyRange {
  int64_t begin = 0;
  int64_t end = 0;
};

// The first row whose position is greater than `position`, or length.
inline int64_t first_after(const CachedHead& head, int64_t position) {
  int64_t low = 0, high = head.length;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (head.positions[middle] > position) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// The rows that a query at `position` sees: one range, because positions
// ascend. begin == end: none.
inline KeyRange visible_rows(const CachedHead& head, int32_t position, int64_t window) {
  KeyRange range;
  range.end = first_after(head, position);
  range.begin = window == 0 ? 0 : first_after(head, int64_t{position} - window);
  return range;
}

// Rows of keys, or of values, that follow each other in one page.
struct Run {
  const Bytes* rows;  // the first of them
  const Bytes* next;  // the rows that come after them, for prefetching; `rows`
                      // where there are none
  int64_t first;      // number of the first row
  int64_t count;
};

enum class Part { keys, values };

// Calls f(run) for runs of at most `longest` rows that make up [begin, end).
template <class F>
void for_each_run(const CachedHead& head, const PageLayout& layout, int64_t row_bytes, Part part,
                  int64_t begin, int64_t end, int64_t longest, const F& f) {
  const int64_t page_rows = layout.page_rows;
  const int64_t offset = part == Part::keys ? 0 : page_rows;
  const auto address = [&](int64_t row) {
    const Bytes* page = static_cast<const Bytes*>(head.pages[row / page_rows]);
    return page + (offset + row % page_rows) * row_bytes;
  };
  for (int64_t first = begin; first < end;) {
    Run run;
    run.first = first;
    run.rows = address(first);
    run.count = min_of(longest, min_of(end - first, page_rows - first % page_rows));
    first += run.count;
    run.next = first < end ? address(first) : run.rows;
    f(run);
  }
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
