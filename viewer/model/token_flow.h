// Token chips in rows, like words on a page.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kvreel::viewer {

struct TokenFlow {
  std::vector<float> x;        // [tokens], from the left edge
  std::vector<float> width;    // [tokens]
  std::vector<int32_t> first;  // [rows + 1], first token of each row

  int32_t rows() const { return first.empty() ? 0 : static_cast<int32_t>(first.size()) - 1; }
  int32_t row_of(int32_t token) const;  // -1: no such token
  // The token at x in a row; `gap` to the right of a chip belongs to it. -1: none.
  int32_t token_at(int32_t row, float x, float gap) const;
};

// widths: [tokens]; leads: [tokens], room before a chip that does not begin a row (empty: none);
// ends_row: [tokens], 1 where a row ends after the token. A chip that is wider than the row is cut
// to it.
TokenFlow flow_tokens(std::span<const float> widths, std::span<const float> leads,
                      std::span<const uint8_t> ends_row, float row_width, float gap);

}  // namespace kvreel::viewer
