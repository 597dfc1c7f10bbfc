// Normalised words and what two answers share of them.
#include "scores/qa.h"

#include <fmt/ranges.h>

#include <cctype>
#include <map>
#include <vector>

#include "base/text.h"
#include "scores/text.h"

namespace kvreel::scores {
namespace {

bool is_article(const std::vector<int32_t>& word) {
  const std::string text = to_utf8(word);
  return text == "a" || text == "an" || text == "the";
}

// \b(a|an|the)\b -> " "
std::string without_articles(std::string_view text) {
  std::vector<int32_t> kept;
  std::vector<int32_t> word;
  const auto finish = [&] {
    if (is_article(word)) {
      kept.push_back(' ');
    } else {
      kept.insert(kept.end(), word.begin(), word.end());
    }
    word.clear();
  };
  for (const int32_t point : code_points(text)) {
    if (is_word(point)) {
      word.push_back(point);
    } else {
      finish();
      kept.push_back(point);
    }
  }
  finish();
  return to_utf8(kept);
}

}  // namespace

std::string normalize_answer(std::string_view text) {
  std::string bare;
  for (const char c : lower(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || !std::ispunct(byte)) bare += c;
  }
  return fmt::format("{}", fmt::join(split_words(without_articles(bare)), " "));
}

double token_f1(std::string_view prediction, std::string_view reference) {
  const std::vector<std::string> predicted = split_words(normalize_answer(prediction));
  const std::vector<std::string> wanted = split_words(normalize_answer(reference));
  std::map<std::string, int> left;
  for (const std::string& word : wanted) ++left[word];
  double same = 0;
  for (const std::string& word : predicted) {
    if (left[word]-- > 0) ++same;
  }
  if (same == 0) return 0;
  const double precision = same / static_cast<double>(predicted.size());
  const double recall = same / static_cast<double>(wanted.size());
  return 2 * precision * recall / (precision + recall);
}

double exact_match(std::string_view prediction, std::string_view reference) {
  return trim(prediction) == trim(reference) ? 1 : 0;
}

double normalized_exact_match(std::string_view prediction, std::string_view reference) {
  return normalize_answer(prediction) == normalize_answer(reference) ? 1 : 0;
}

}  // namespace kvreel::scores
