// Breaking and shortening markup.
#include "exports/plot/wrap.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::plot {
namespace {

constexpr std::string_view kEllipsis = "\u2026";

std::size_t code_point_length(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  const std::size_t length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  return std::min(length, text.size() - at);
}

std::string join(const std::vector<std::string_view>& units, std::size_t from, std::size_t to) {
  std::string text;
  for (std::size_t i = from; i < to; ++i) text += units[i];
  return text;
}

// How bad a break after this unit is; negative: none is allowed.
double break_cost(std::string_view unit) {
  if (unit == " ") return 0;
  switch (unit.back()) {
    case ':':
    case ';':
    case ',':
      return unit.size() == 1 ? 0.02 : -1;
    case '/':
      return unit.size() == 1 ? 0.4 : -1;
    case '_':
    case '-':
      return unit.size() == 1 || unit == "\\_" ? 0.6 : -1;
    case '=':
      return unit.size() == 1 ? 0.75 : -1;
    default:
      return -1;
  }
}

// A stretch without a break inside it.
struct Piece {
  std::string text;    // with a space at its end where it had one
  std::string ending;  // the same without
  double cost = 0;     // of a break after it
};

std::vector<Piece> pieces_of(std::string_view markup) {
  std::vector<Piece> pieces;
  const std::vector<std::string_view> units = markup_units(markup);
  Piece piece;
  for (std::size_t i = 0; i < units.size(); ++i) {
    piece.text += units[i];
    if (units[i] != " ") piece.ending = piece.text;
    const double cost = break_cost(units[i]);
    const bool last = i + 1 == units.size();
    // Spaces in a row end one piece; a lone sign at the start stays with what it signs.
    if (!last && (cost < 0 || piece.text.size() < 2 || units[i + 1] == " ")) continue;
    piece.cost = cost;
    pieces.push_back(piece);
    piece = {};
  }
  return pieces;
}

// Pieces [from, to) as one line.
std::string line_of(const std::vector<Piece>& pieces, std::size_t from, std::size_t to) {
  std::string line;
  for (std::size_t i = from; i + 1 < to; ++i) line += pieces[i].text;
  if (from < to) line += pieces[to - 1].ending;
  return line;
}

// Ends of the lines of the cheapest way to break pieces into at most `most` lines of at most
// `width`: costs are breaks, squares of the room that lines leave, and lines. Empty where there is
// no way.
std::vector<std::size_t> cheapest_breaks(const std::vector<Piece>& pieces,
                                         const std::vector<std::vector<double>>& widths,
                                         double width, std::size_t most, Filling filling) {
  constexpr double kLineCost = 0.2;
  constexpr double kNever = std::numeric_limits<double>::infinity();
  const std::size_t count = pieces.size();
  // best[k][i]: cost of the first i pieces in k lines.
  std::vector<std::vector<double>> best(most + 1, std::vector<double>(count + 1, kNever));
  std::vector<std::vector<std::size_t>> from(most + 1, std::vector<std::size_t>(count + 1, 0));
  best[0][0] = 0;
  for (std::size_t k = 1; k <= most; ++k) {
    for (std::size_t end = 1; end <= count; ++end) {
      for (std::size_t begin = end; begin-- > 0;) {
        const double line = widths[begin][end - begin - 1];
        if (line > width) break;
        if (best[k - 1][begin] == kNever) continue;
        const bool may_be_short = filling == Filling::full && end == count;
        const double left = may_be_short ? 0 : 1 - line / width;
        const double cost = best[k - 1][begin] + left * left + kLineCost +
                            (end < count ? std::max(pieces[end - 1].cost, 0.) : 0);
        if (cost < best[k][end]) {
          best[k][end] = cost;
          from[k][end] = begin;
        }
      }
    }
  }
  std::size_t lines = most;
  for (std::size_t k = most; k > 0; --k) {
    if (best[k][count] <= best[lines][count]) lines = k;
  }
  if (best[lines][count] == kNever) return {};
  std::vector<std::size_t> ends;
  std::size_t end = count;
  for (std::size_t k = lines; k > 0; --k) {
    ends.push_back(end);
    end = from[k][end];
  }
  std::reverse(ends.begin(), ends.end());
  return ends;
}

// Line after line as full as it goes; what does not fit is shortened.
Lines fill(const Fonts& fonts, const std::vector<Piece>& pieces, TextStyle text, double width,
           std::size_t most, Cut cut) {
  Lines result;
  std::size_t begin = 0;
  while (begin < pieces.size() && result.lines.size() < most) {
    std::size_t end = begin + 1;
    if (result.lines.size() + 1 == most) {
      end = pieces.size();
    } else {
      while (end < pieces.size() &&
             fonts.width(line_of(pieces, begin, end + 1), text.size, text.bold) <= width) {
        ++end;
      }
    }
    const std::string line = line_of(pieces, begin, end);
    result.lines.push_back(shorten(fonts, line, text, width, cut));
    if (result.lines.back() != line) result.whole = false;
    begin = end;
  }
  return result;
}

}  // namespace

std::vector<std::string_view> markup_units(std::string_view markup) {
  std::vector<std::string_view> units;
  std::size_t at = 0;
  while (at < markup.size()) {
    std::size_t length = code_point_length(markup, at);
    const char c = markup[at];
    if (c == '\\' && at + 1 < markup.size()) {
      length = 1 + code_point_length(markup, at + 1);
    } else if ((c == '_' || c == '^') && at + 1 < markup.size() && markup[at + 1] == '{') {
      std::size_t close = at + 2;
      while (close < markup.size() && markup[close] != '}') {
        close += markup[close] == '\\' && close + 1 < markup.size() ? 2 : 1;
      }
      if (close < markup.size()) length = close + 1 - at;
    }
    units.push_back(markup.substr(at, length));
    at += length;
  }
  return units;
}

std::string shorten(const Fonts& fonts, std::string_view markup, TextStyle text, double width,
                    Cut cut) {
  if (fonts.width(markup, text.size, text.bold) <= width) return std::string(markup);
  const std::vector<std::string_view> units = markup_units(markup);
  const auto kept = [&](std::size_t count) {
    // Of names a little more of the beginning than of the end.
    const std::size_t head = cut == Cut::end ? count : (count + 1) / 2;
    std::string line = join(units, 0, head);
    while (line.ends_with(' ')) line.pop_back();
    line += kEllipsis;
    return line + join(units, units.size() - (count - head), units.size());
  };
  std::size_t low = 0, high = units.size();  // low fits (or nothing does), high does not
  while (low + 1 < high) {
    const std::size_t middle = (low + high) / 2;
    (fonts.width(kept(middle), text.size, text.bold) <= width ? low : high) = middle;
  }
  return kept(low);
}

Lines wrap(const Fonts& fonts, std::string_view markup, TextStyle text, double width,
           std::size_t most, Cut cut, Filling filling) {
  Lines result;
  const double whole = fonts.width(markup, text.size, text.bold);
  if (whole <= width || most <= 1) {
    result.lines.push_back(shorten(fonts, markup, text, width, cut));
    result.whole = whole <= width;
    result.width = std::min(whole, width);
    return result;
  }
  const std::vector<Piece> pieces = pieces_of(markup);
  std::vector<std::vector<double>> widths(pieces.size());  // [begin][length - 1], while they fit
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    for (std::size_t end = i + 1; end <= pieces.size(); ++end) {
      widths[i].push_back(fonts.width(line_of(pieces, i, end), text.size, text.bold));
      if (widths[i].back() > width) break;
    }
    widths[i].resize(pieces.size() - i, std::numeric_limits<double>::infinity());
  }
  std::size_t begin = 0;
  for (const std::size_t end : cheapest_breaks(pieces, widths, width, most, filling)) {
    result.lines.push_back(line_of(pieces, begin, end));
    begin = end;
  }
  if (result.lines.empty()) result = fill(fonts, pieces, text, width, most, cut);
  for (const std::string& line : result.lines) {
    result.width = std::max(result.width, fonts.width(line, text.size, text.bold));
  }
  return result;
}

}  // namespace kvreel::plot
