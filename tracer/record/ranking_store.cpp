// Rankings by hash and content, curves by address.
#include "tracer/record/ranking_store.h"

#include <cstring>
#include <functional>
#include <string_view>

namespace kvreel::tracer {
namespace {

size_t hash_of(const std::vector<int32_t>& values) {
  return std::hash<std::string_view>{}(
      {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int32_t)});
}

bool same(const RankingStore::Scores& a, const RankingStore::Scores& b) {
  // Compared as bits: scores that are not numbers are equal to themselves.
  return a == b || (a && b && a->size() == b->size() &&
                    std::memcmp(a->data(), b->data(), a->size() * sizeof(float)) == 0);
}

}  // namespace

int64_t RankingStore::row_of(const Ranking& ranking, const Scores& scores, int64_t next_row) {
  if (last_.ranking == ranking && last_.scores == scores) return last_.row;
  const size_t hash = hash_of(*ranking);
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto entry = begin; entry != end; ++entry) {
    if (*entry->second.ranking == *ranking && same(entry->second.scores, scores)) {
      last_ = {ranking, scores, entry->second.row};
      return last_.row;
    }
  }
  if (by_hash_.size() >= kMostEntries) by_hash_.clear();
  last_ = {ranking, scores, next_row};
  by_hash_.emplace(hash, last_);
  return next_row;
}

void RankingStore::clear() {
  by_hash_.clear();
  last_ = {};
}

int64_t CurveStore::row_of(const Curve& curve, int64_t next_row) {
  for (const Entry& entry : entries_) {
    if (entry.curve == curve) return entry.row;
  }
  entries_.push_back({curve, next_row});
  return next_row;
}

}  // namespace kvreel::tracer
