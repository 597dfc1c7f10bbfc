// Markup of figures' text (figure.h): x_{i} and x^{i}. escape_markup() is declared in figure.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::plot {

enum class Level : uint8_t { base, sub, super };

struct MarkupPiece {
  std::string text;
  Level level = Level::base;
  bool operator==(const MarkupPiece&) const = default;
};

// Neighbours differ in level; none is empty. What is no markup is plain text: a lone '_' or '^', a
// brace without its partner, '\' before other characters. Groups do not nest: the first '}' ends
// one.
std::vector<MarkupPiece> parse_markup(std::string_view markup);

// The characters alone: "x_{i}" -> "xi".
std::string plain_text(std::string_view markup);

}  // namespace kvreel::plot
