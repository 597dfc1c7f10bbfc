// Finds decisions' rankings and curves that were recorded already.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/policy/decision.h"

namespace kvreel::tracer {

// Rows of rankings, with their scores, by content, within one sample.
class RankingStore {
 public:
  using Ranking = std::shared_ptr<const std::vector<int32_t>>;
  using Scores = std::shared_ptr<const std::vector<float>>;  // null: ranked by position alone

  // The row of an equal ranking; where there is none, `next_row`, which the ranking then has.
  // What is found is found again cheaply: layers that share a pointer are not compared.
  int64_t row_of(const Ranking& ranking, const Scores& scores, int64_t next_row);
  void clear();

 private:
  struct Entry {
    Ranking ranking;
    Scores scores;
    int64_t row = 0;
  };
  // Policies that rank anew in every step would fill memory; equal rankings come close together.
  static constexpr size_t kMostEntries = 1024;

  std::unordered_multimap<size_t, Entry> by_hash_;
  Entry last_;
};

// Rows of curves by pointer, within one layer of one step.
class CurveStore {
 public:
  using Curve = std::shared_ptr<const engine::NormCurve>;

  // As RankingStore::row_of.
  int64_t row_of(const Curve& curve, int64_t next_row);
  void clear() { entries_.clear(); }

 private:
  struct Entry {
    Curve curve;  // owned, so that no other curve gets its address
    int64_t row = 0;
  };
  std::vector<Entry> entries_;
};

}  // namespace kvreel::tracer
