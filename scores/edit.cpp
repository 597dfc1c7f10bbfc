// Matching blocks of two texts, found longest first.
#include "scores/edit.h"

#include <cmath>
#include <map>
#include <vector>

#include "scores/text.h"

namespace kvreel::scores {
namespace {

using Text = std::vector<int32_t>;
using Places = std::map<int32_t, std::vector<size_t>>;  // of a character in b, ascending

struct Range {
  size_t a_begin, a_end, b_begin, b_end;
};

struct Block {
  size_t a, b, size;
};

// Without the characters that are too frequent to begin a block.
Places places_of(const Text& b) {
  Places places;
  for (size_t j = 0; j < b.size(); ++j) places[b[j]].push_back(j);
  if (b.size() >= 200) {
    const size_t most = b.size() / 100 + 1;
    std::erase_if(places, [&](const auto& entry) { return entry.second.size() > most; });
  }
  return places;
}

// The longest block in the range; of equally long ones that which begins first in a, then in b.
Block longest_block(const Text& a, const Text& b, const Places& places, const Range& range) {
  Block best{range.a_begin, range.b_begin, 0};
  std::map<size_t, size_t> lengths;  // of the blocks that end at a[i - 1] and b[j], by j
  for (size_t i = range.a_begin; i < range.a_end; ++i) {
    std::map<size_t, size_t> longer;
    if (const auto found = places.find(a[i]); found != places.end()) {
      for (const size_t j : found->second) {
        if (j < range.b_begin) continue;
        if (j >= range.b_end) break;
        const auto before = j > 0 ? lengths.find(j - 1) : lengths.end();
        const size_t length = (before == lengths.end() ? 0 : before->second) + 1;
        longer[j] = length;
        if (length > best.size) best = {i + 1 - length, j + 1 - length, length};
      }
    }
    lengths = std::move(longer);
  }
  while (best.a > range.a_begin && best.b > range.b_begin && a[best.a - 1] == b[best.b - 1]) {
    --best.a, --best.b, ++best.size;
  }
  while (best.a + best.size < range.a_end && best.b + best.size < range.b_end &&
         a[best.a + best.size] == b[best.b + best.size]) {
    ++best.size;
  }
  return best;
}

// The first line that is no fence and no comment, "" where all are.
std::string_view first_code_line(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (line.find_first_of("`#") == line.npos && line.find("//") == line.npos) return line;
    begin = end + 1;
  }
  return {};
}

}  // namespace

double sequence_ratio(std::string_view a_text, std::string_view b_text) {
  const Text a = code_points(a_text);
  const Text b = code_points(b_text);
  if (a.empty() && b.empty()) return 1;
  const Places places = places_of(b);
  size_t matching = 0;
  for (std::vector<Range> open = {{0, a.size(), 0, b.size()}}; !open.empty();) {
    const Range range = open.back();
    open.pop_back();
    const Block block = longest_block(a, b, places, range);
    if (block.size == 0) continue;
    matching += block.size;
    open.push_back({range.a_begin, block.a, range.b_begin, block.b});
    open.push_back({block.a + block.size, range.a_end, block.b + block.size, range.b_end});
  }
  return 2 * static_cast<double>(matching) / static_cast<double>(a.size() + b.size());
}

double edit_similarity(std::string_view prediction, std::string_view reference) {
  const std::string_view line = first_code_line(prediction);
  if (line == reference) return 1;
  if (line.empty() || reference.empty()) return 0;
  // Halves to even, as Python's round() does.
  return std::nearbyint(100 * sequence_ratio(line, reference)) / 100;
}

}  // namespace kvreel::scores
