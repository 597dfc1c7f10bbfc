// Rankings and curves, each read once while anybody holds it.
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "viewer/data/read_pass.h"

namespace kvreel::viewer {
namespace {

using tracer::Trace;

// Where row i of a list that was read lies in its values.
template <typename T>
std::vector<T> row_of(const tracer::List<T>& list, size_t i) {
  const auto at = [&](uint64_t place) {
    return list.values.begin() + static_cast<std::ptrdiff_t>(place);
  };
  return {at(list.begin_of(i)), at(list.end_of(i))};
}

// Takes from `known` what is still held, and reads the rest, neighbours together:
// read(begin, end, use) calls use(row, value) for each row.
template <typename Row, typename Read>
std::map<int64_t, std::shared_ptr<const Row>> gather(
    std::map<int64_t, std::weak_ptr<const Row>>& known, const std::vector<int64_t>& rows,
    uint64_t& rows_read, Read&& read) {
  std::map<int64_t, std::shared_ptr<const Row>> found;
  std::vector<int64_t> missing;
  for (const int64_t row : rows) {
    const auto held = known.find(row);
    std::shared_ptr<const Row> value = held == known.end() ? nullptr : held->second.lock();
    if (value) {
      found.emplace(row, std::move(value));
    } else {
      missing.push_back(row);
    }
  }
  for (size_t i = 0; i < missing.size();) {
    size_t end = i + 1;
    while (end < missing.size() && missing[end] == missing[end - 1] + 1) ++end;
    read(static_cast<uint64_t>(missing[i]), static_cast<uint64_t>(missing[end - 1]) + 1,
         [&](uint64_t row, Row value) {
           auto shared = std::make_shared<const Row>(std::move(value));
           known[static_cast<int64_t>(row)] = shared;
           found.emplace(static_cast<int64_t>(row), std::move(shared));
         });
    rows_read += end - i;
    i = end;
  }
  // Those that nobody holds any more only fill the map.
  if (known.size() > 2 * found.size() + 4096) {
    std::erase_if(known, [](const auto& item) { return item.second.expired(); });
  }
  return found;
}

}  // namespace

std::map<int64_t, std::shared_ptr<const SharedRows::Ranking>> SharedRows::rankings(
    const Trace& trace, const std::vector<int64_t>& rows) {
  return gather(rankings_, rows, rows_read_, [&](uint64_t begin, uint64_t end, auto&& use) {
    const auto lists = trace.read_column(&tracer::Rankings::positions, begin, end);
    for (uint64_t row = begin; row < end; ++row) {
      Ranking ranking;
      ranking.positions = row_of(lists, static_cast<size_t>(row - begin));
      if (!ranking.positions.empty()) {
        const auto [least, most] =
            std::minmax_element(ranking.positions.begin(), ranking.positions.end());
        ranking.least = *least;
        ranking.most = *most;
      }
      use(row, std::move(ranking));
    }
  });
}

std::map<int64_t, std::shared_ptr<const SharedRows::Curve>> SharedRows::curves(
    const Trace& trace, const std::vector<int64_t>& rows) {
  return gather(curves_, rows, rows_read_, [&](uint64_t begin, uint64_t end, auto&& use) {
    const auto distance = trace.read_column(&tracer::Curves::distance, begin, end);
    const auto distance_all = trace.read_column(&tracer::Curves::distance_all, begin, end);
    for (uint64_t row = begin; row < end; ++row) {
      const auto i = static_cast<size_t>(row - begin);
      use(row, Curve{row_of(distance, i), row_of(distance_all, i)});
    }
  });
}

}  // namespace kvreel::viewer
