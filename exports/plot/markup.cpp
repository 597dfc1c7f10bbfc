// Markup of figures' text: subscripts, superscripts, escapes.
#include "exports/plot/markup.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "base/visible_text.h"
#include "exports/plot/figure.h"

namespace kvreel::plot {
namespace {

constexpr std::string_view kSpecial = "_^{}\\";

bool escapes(std::string_view text, std::size_t i) {
  return text[i] == '\\' && i + 1 < text.size() && kSpecial.find(text[i + 1]) != kSpecial.npos;
}

// Where the '}' of a group is whose text begins at `i`.
std::optional<std::size_t> end_of_group(std::string_view markup, std::size_t i) {
  for (; i < markup.size(); ++i) {
    if (escapes(markup, i)) {
      ++i;
    } else if (markup[i] == '}') {
      return i;
    }
  }
  return std::nullopt;
}

std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (escapes(text, i)) ++i;
    plain += text[i];
  }
  return plain;
}

void append(std::vector<MarkupPiece>& pieces, std::string text, Level level) {
  if (text.empty()) return;
  if (!pieces.empty() && pieces.back().level == level) {
    pieces.back().text += text;
  } else {
    pieces.push_back({std::move(text), level});
  }
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string markup;
  markup.reserve(text.size());
  for (const char c : visible_line(text)) {
    if (kSpecial.find(c) != kSpecial.npos) markup += '\\';
    markup += c;
  }
  return markup;
}

std::vector<MarkupPiece> parse_markup(std::string_view markup) {
  std::vector<MarkupPiece> pieces;
  std::size_t plain_from = 0;
  for (std::size_t i = 0; i < markup.size(); ++i) {
    if (escapes(markup, i)) {
      ++i;
      continue;
    }
    const bool opens =
        (markup[i] == '_' || markup[i] == '^') && i + 1 < markup.size() && markup[i + 1] == '{';
    if (!opens) continue;
    const std::optional<std::size_t> end = end_of_group(markup, i + 2);
    if (!end) continue;
    append(pieces, unescape(markup.substr(plain_from, i - plain_from)), Level::base);
    append(pieces, unescape(markup.substr(i + 2, *end - i - 2)),
           markup[i] == '_' ? Level::sub : Level::super);
    i = *end;
    plain_from = i + 1;
  }
  append(pieces, unescape(markup.substr(plain_from)), Level::base);
  return pieces;
}

std::string plain_text(std::string_view markup) {
  std::string text;
  for (const MarkupPiece& piece : parse_markup(markup)) text += piece.text;
  return text;
}

}  // namespace kvreel::plot
