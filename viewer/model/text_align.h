// Generated texts of several runs under each other, one column per step.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

// Index of the first token that differs, the length of the shorter where it is the other's
// beginning; nothing where both are equal.
std::optional<size_t> first_difference(std::span<const int32_t> a, std::span<const int32_t> b);

enum class AlignedState : uint8_t {
  none,     // the run has ended before this step
  equal,    // the reference's token of this step
  differs,  // another, or the reference has ended
};

struct AlignedRow {
  bool by_text = false;
  std::vector<AlignedState> states;       // by step, to the longest row's end
  std::optional<size_t> first_differing;  // step; none: all equal
  size_t tokens = 0;
};

struct TextAlignment {
  size_t steps = 0;              // of the longest
  std::vector<AlignedRow> rows;  // one per pass; the first is the reference, and equal to itself
};

// By the tokens' ids. A null pass is a row without tokens. Without a reference (the first is null)
// every token is `equal`: there is nothing to differ from.
//
// by_text: of each pass (empty: of none), whether its ids are not the reference's. It is then held
// against the reference byte by byte: a token is `equal` where the reference has its bytes at the
// same place of the text, however it is split there. Stop tokens are no text; they are `equal`
// where all of the text is.
TextAlignment align_texts(std::span<const PassDetail* const> passes,
                          std::span<const uint8_t> by_text = {});

// What a chip says of a token's bytes: white space and control characters as signs, bytes that are
// not UTF-8 as <E4>; never empty.
std::string chip_label(std::string_view bytes);

// Columns of different widths beside each other.
class ColumnEdges {
 public:
  ColumnEdges() = default;
  explicit ColumnEdges(std::span<const float> widths);
  size_t count() const { return edges_.empty() ? 0 : edges_.size() - 1; }
  float left(size_t column) const { return static_cast<float>(edges_[column]); }
  float width(size_t column) const {
    return static_cast<float>(edges_[column + 1] - edges_[column]);
  }
  float total() const { return edges_.empty() ? 0 : static_cast<float>(edges_.back()); }
  // The column at x, the nearest where x is outside. 0 where there is none.
  size_t at(float x) const;

 private:
  std::vector<double> edges_;  // ascending, from 0
};

}  // namespace kvreel::viewer
