// Finds numbers, letters, classes and places in texts.
#include "scores/answers.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "scores/text.h"

namespace kvreel::scores {
namespace {

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_letter(char c) {
  return is_upper(c) || (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Reads digits with commas between groups of three; `at` moves behind them.
std::string take_whole(std::string_view text, size_t& at) {
  std::string digits;
  const auto digit_at = [&](size_t i) { return i < text.size() && is_digit(text[i]); };
  while (digit_at(at)) digits += text[at++];
  while (!digits.empty() && at < text.size() && text[at] == ',' && digit_at(at + 1) &&
         digit_at(at + 2) && digit_at(at + 3) && !digit_at(at + 4)) {
    digits += text.substr(at + 1, 3);
    at += 4;
  }
  return digits;
}

// An unsigned decimal number, `at` moves behind it. nullopt where there is none.
std::optional<double> take_decimal(std::string_view text, size_t& at) {
  const size_t begin = at;
  std::string digits = take_whole(text, at);
  if (at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1])) {
    digits += '.';
    for (++at; at < text.size() && is_digit(text[at]); ++at) digits += text[at];
  }
  if (digits.empty()) {
    at = begin;
    return std::nullopt;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    size_t end = at + 1;
    if (end < text.size() && (text[end] == '-' || text[end] == '+')) ++end;
    if (end < text.size() && is_digit(text[end])) {
      while (end < text.size() && is_digit(text[end])) ++end;
      digits += text.substr(at, end - at);
      at = end;
    }
  }
  if (digits.starts_with('.')) digits.insert(digits.begin(), '0');
  double value = 0;
  const size_t plus = digits.find('+');
  if (plus != std::string::npos) digits.erase(plus, 1);  // from_chars takes no plus
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  // Beyond the range of double: no number that an answer could be.
  return result.ec == std::errc() ? std::optional(value) : std::nullopt;
}

// Behind the last occurrence of `mark`, whatever its case; nullopt where there is none.
std::optional<std::string_view> after_last(std::string_view text, std::string_view mark) {
  for (size_t at = text.size() + 1; at-- > 0;) {
    const bool here = at + mark.size() <= text.size() &&
                      std::equal(mark.begin(), mark.end(), text.begin() + at, [](char a, char b) {
                        return a == (is_upper(b) ? static_cast<char>(b - 'A' + 'a') : b);
                      });
    if (here) return text.substr(at + mark.size());
  }
  return std::nullopt;
}

std::optional<double> last_number(std::string_view text) {
  std::optional<std::string_view> tail = after_last(text, "####");
  if (!tail) tail = after_last(text, ":");
  const std::vector<double> numbers = numbers_in(tail.value_or(text));
  return numbers.empty() ? std::nullopt : std::optional(numbers.back());
}

// Whether the text states a whole number: "11760", not "1.0".
bool is_whole(std::string_view text) {
  return text.find_first_of(".eE/") == text.npos;
}

bool same_number(double predicted, double wanted, bool whole) {
  if (whole) return std::nearbyint(predicted) == wanted;
  const double margin = 0.04 * std::abs(wanted);
  return predicted >= wanted - margin && predicted <= wanted + margin;
}

// What stands between the first pair of brackets, nullopt where there is none.
std::optional<std::string_view> list_in(std::string_view text) {
  const size_t open = text.find_first_of("[(");
  if (open == text.npos) return std::nullopt;
  const size_t close = text.find(text[open] == '[' ? ']' : ')', open);
  if (close == text.npos) return std::nullopt;
  return text.substr(open + 1, close - open - 1);
}

bool same_list(std::string_view predicted_text, std::string_view wanted_text) {
  const std::optional<std::string_view> found = list_in(predicted_text);
  if (!found) return false;
  // A comma separates here, also where three digits follow.
  const auto sorted = [](std::string_view text) {
    std::string spaced(text);
    std::replace(spaced.begin(), spaced.end(), ',', ' ');
    std::vector<double> numbers = numbers_in(spaced);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  };
  const std::vector<double> predicted = sorted(*found);
  const std::vector<double> wanted = sorted(wanted_text);
  return predicted.size() == wanted.size() &&
         std::equal(predicted.begin(), predicted.end(), wanted.begin(),
                    [&](double p, double w) { return same_number(p, w, is_whole(wanted_text)); });
}

// The first of the words true, yes (1), false, no (0); -1 where there is none.
int stated_truth(std::string_view text) {
  std::string word;
  for (const char c : lower(text) + " ") {
    if (is_letter(c)) {
      word += c;
      continue;
    }
    if (word == "true" || word == "yes") return 1;
    if (word == "false" || word == "no") return 0;
    word.clear();
  }
  return -1;
}

bool is_option(std::string_view text) {
  return text.size() == 3 && text[0] == '(' && is_letter(text[1]) && text[2] == ')';
}

bool is_choice(char c) {
  return c >= 'A' && c <= 'J';
}

// A letter at `at` with no letter or digit beside it.
bool stands_alone(std::string_view text, size_t at) {
  const auto joined = [&](size_t i) {
    return i < text.size() && (is_letter(text[i]) || is_digit(text[i]) || text[i] == '_');
  };
  return is_choice(text[at]) && (at == 0 || !joined(at - 1)) && !joined(at + 1);
}

// "A" before a small letter is an article, "I" before one or before an apostrophe a pronoun.
bool is_english_word(std::string_view text, size_t at) {
  if (text[at] != 'A' && text[at] != 'I') return false;
  if (text[at] == 'I' && at + 1 < text.size() && text[at + 1] == '\'') return true;
  return at + 2 < text.size() && text[at + 1] == ' ' && is_letter(text[at + 2]) &&
         !is_upper(text[at + 2]);
}

// After "answer": optional words and marks ("is", ":", "(", "**"), then the letter at once.
std::optional<char> letter_at_start(std::string_view text) {
  size_t at = 0;
  const auto skip_marks = [&] {
    while (at < text.size() && contains(" \n\t:*(\"'[", text.substr(at, 1))) ++at;
  };
  skip_marks();
  for (const std::string_view word : {"is", "option", "choice"}) {
    if (text.substr(at).starts_with(word)) at += word.size();
    skip_marks();
  }
  if (at >= text.size() || !stands_alone(text, at)) return std::nullopt;
  // Here a capital A is no article: that would be written small.
  if (text[at] == 'I' && is_english_word(text, at)) return std::nullopt;
  return text[at];
}

}  // namespace

std::vector<double> numbers_in(std::string_view text) {
  std::vector<double> numbers;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    std::optional<double> value = take_decimal(text, at);
    if (at == begin) {
      ++at;
      continue;
    }
    if (!value) continue;
    if (at < text.size() && text[at] == '/' && at + 1 < text.size() && is_digit(text[at + 1])) {
      size_t end = at + 1;
      const std::optional<double> divisor = take_decimal(text, end);
      if (divisor && *divisor != 0) *value /= *divisor;
      at = end;
    }
    const bool minus = begin > 0 && text[begin - 1] == '-';
    const char before = begin > 1 ? text[begin - 2] : ' ';
    const bool operation = is_digit(before) || is_letter(before) || before == ')' || before == ']';
    numbers.push_back(minus && !operation ? -*value : *value);
  }
  return numbers;
}

double number_match(std::string_view prediction, std::string_view reference) {
  const std::optional<double> predicted = last_number(prediction);
  const std::optional<double> wanted = last_number(reference);
  return predicted && wanted && *predicted == *wanted ? 1 : 0;
}

double theorem_match(std::string_view prediction, std::string_view reference) {
  const std::string_view wanted = trim(reference);
  const std::optional<std::string_view> tail = after_last(prediction, "answer");
  const std::string_view text = tail.value_or(prediction);
  const std::string small = lower(wanted);
  if (small == "true" || small == "false") return stated_truth(text) == (small == "true") ? 1 : 0;
  if (is_option(wanted)) return contains(lower(text), small) ? 1 : 0;
  if (wanted.starts_with('[')) return same_list(text, wanted) ? 1 : 0;
  const std::vector<double> numbers = numbers_in(wanted);
  const bool is_number = numbers.size() == 1 &&
                         wanted.find_first_not_of("0123456789+-.,eE/") == std::string_view::npos;
  if (!is_number) return contains(lower(text), small) ? 1 : 0;
  const std::vector<double> found = numbers_in(text);
  if (found.empty()) return 0;
  return same_number(tail ? found.front() : found.back(), numbers[0], is_whole(wanted)) ? 1 : 0;
}

std::optional<char> chosen_letter(std::string_view text) {
  constexpr std::string_view kMark = "answer";
  std::string_view head = text;
  for (auto tail = after_last(head, kMark); tail; tail = after_last(head, kMark)) {
    if (const std::optional<char> letter = letter_at_start(*tail)) return letter;
    head.remove_suffix(tail->size() + kMark.size());
  }
  for (size_t i = 0; i + 2 < text.size(); ++i) {
    if (text[i] == '(' && is_choice(text[i + 1]) && text[i + 2] == ')') return text[i + 1];
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (stands_alone(text, i) && !is_english_word(text, i)) return text[i];
  }
  return std::nullopt;
}

double choice_match(std::string_view prediction, std::string_view reference) {
  const std::optional<char> predicted = chosen_letter(prediction);
  return predicted && predicted == chosen_letter(reference) ? 1 : 0;
}

double classification_score(std::string_view prediction, std::string_view reference,
                            std::span<const std::string> all_classes) {
  std::vector<std::string> named;
  for (const std::string& name : all_classes) {
    if (contains(prediction, name)) named.push_back(name);
  }
  for (size_t i = 0; i < named.size(); ++i) {
    if (contains(reference, named[i]) && named[i] != reference) {
      named.erase(std::find(named.begin(), named.end(), named[i]));
    }
  }
  const bool right = std::find(named.begin(), named.end(), reference) != named.end();
  return right ? 1 / static_cast<double>(named.size()) : 0;
}

double count_score(std::string_view prediction, std::string_view reference) {
  const std::vector<std::string> numbers = digit_runs(prediction);
  if (numbers.empty()) return 0;
  return static_cast<double>(std::count(numbers.begin(), numbers.end(), reference)) /
         static_cast<double>(numbers.size());
}

double retrieval_score(std::string_view prediction, std::string_view reference) {
  for (const std::string_view place : {"Paragraph ", "段落"}) {
    for (size_t at = reference.find(place); at != reference.npos;
         at = reference.find(place, at + 1)) {
      const std::string_view number = reference.substr(at + place.size());
      if (number.empty() || !is_digit(number[0])) continue;
      return count_score(prediction, digit_runs(number).front());
    }
  }
  return 0;
}

double contained_share(std::string_view prediction, std::span<const std::string> references) {
  if (references.empty()) return 0;
  const std::string text = lower(prediction);
  const auto found =
      std::count_if(references.begin(), references.end(),
                    [&](const std::string& reference) { return contains(text, lower(reference)); });
  return static_cast<double>(found) / static_cast<double>(references.size());
}

}  // namespace kvreel::scores
