// n-gram precisions with the brevity penalty.
#include "scores/bleu.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "scores/text.h"

namespace kvreel::scores {
namespace {

constexpr size_t kOrders = 4;

using Counts = std::map<std::vector<std::string>, int>;

Counts count_ngrams(const std::vector<std::string>& tokens, size_t order) {
  Counts counts;
  for (size_t i = 0; i + order <= tokens.size(); ++i) {
    const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(i);
    ++counts[{begin, begin + static_cast<std::ptrdiff_t>(order)}];
  }
  return counts;
}

bool is_point(char c) {
  return c == '.' || c == ',';
}

// Symbols that always stand apart: ASCII punctuation but the apostrophe, hyphen, full stop, comma.
bool stands_apart(char c) {
  return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
         (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

// Rewrites each pair of neighbours that fits, from left to right, none of them twice.
template <typename Fits>
std::string replace_pairs(const std::string& text, const Fits& fits, bool space_before,
                          bool space_after) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i + 1 < text.size() && fits(text[i], text[i + 1])) {
      if (space_before) result += ' ';
      result += text[i];
      result += ' ';
      result += text[++i];
      if (space_after) result += ' ';
    } else {
      result += text[i];
    }
  }
  return result;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::vector<std::string> tokenize_13a(std::string_view text) {
  std::vector<int32_t> points = code_points(text);
  while (!points.empty() && is_space(points.back())) points.pop_back();
  std::string line = to_utf8(points);
  replace_all(line, "<skipped>", "");
  replace_all(line, "-\n", "");
  replace_all(line, "\n", " ");
  replace_all(line, "&quot;", "\"");
  replace_all(line, "&amp;", "&");
  replace_all(line, "&lt;", "<");
  replace_all(line, "&gt;", ">");
  std::string apart = " ";
  for (const char c : line) {
    if (stands_apart(c)) {
      apart.append({' ', c, ' '});
    } else {
      apart += c;
    }
  }
  apart += ' ';
  apart = replace_pairs(
      apart, [](char a, char b) { return !is_digit(a) && is_point(b); }, false, true);
  apart = replace_pairs(
      apart, [](char a, char b) { return is_point(a) && !is_digit(b); }, true, false);
  apart = replace_pairs(
      apart, [](char a, char b) { return is_digit(a) && b == '-'; }, false, true);
  return split_words(apart);
}

double bleu(std::string_view prediction, std::string_view reference) {
  const std::vector<std::string> predicted = tokenize_13a(prediction);
  const std::vector<std::string> wanted = tokenize_13a(reference);
  double log_sum = 0;
  double smoothing = 1;
  size_t orders = 0;
  bool any = false;
  for (size_t order = 1; order <= kOrders && predicted.size() >= order; ++order) {
    const Counts limit = count_ngrams(wanted, order);
    int matches = 0;
    for (const auto& [ngram, count] : count_ngrams(predicted, order)) {
      const auto found = limit.find(ngram);
      if (found != limit.end()) matches += std::min(count, found->second);
    }
    const auto total = static_cast<double>(predicted.size() - order + 1);
    any = any || matches > 0;
    if (matches == 0) smoothing *= 2;
    log_sum += std::log(matches > 0 ? matches / total : 1 / (smoothing * total));
    orders = order;
  }
  if (!any) return 0;
  const double ratio = static_cast<double>(wanted.size()) / static_cast<double>(predicted.size());
  const double brevity = ratio > 1 ? std::exp(1 - ratio) : 1;
  return brevity * std::exp(log_sum / static_cast<double>(orders));
}

}  // namespace kvreel::scores
