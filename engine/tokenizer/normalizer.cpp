// The normalizer of a tokenizer.json: what happens to a text before it is split.
#include "engine/tokenizer/normalizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/tokenizer/unicode.h"

namespace kvreel::engine {
namespace {

constexpr int kMaxNestedNormalizers = 16;

std::string replace_ranges(std::string_view text, const std::vector<TextRange>& ranges,
                           std::string_view content) {
  std::string result;
  size_t at = 0;
  for (const TextRange& range : ranges) {
    result += text.substr(at, range.begin - at);
    result += content;
    at = range.end;
  }
  result += text.substr(at);
  return result;
}

}  // namespace

std::vector<TextRange> find_literal(std::string_view text, std::string_view pattern) {
  std::vector<TextRange> ranges;
  for (size_t at = text.find(pattern); at != std::string_view::npos;
       at = text.find(pattern, at + pattern.size())) {
    ranges.push_back({at, at + pattern.size()});
  }
  return ranges;
}

Normalizer::Normalizer(const JsonField& normalizer) {
  read(normalizer, 0);
}

void Normalizer::read(const JsonField& normalizer, int depth) {
  const std::string& type = normalizer.type();
  if (type == "Sequence") {
    if (depth == kMaxNestedNormalizers) normalizer.refuse("sequences may nest 16 deep at most");
    for (const JsonField& step : normalizer.at("normalizers").items()) read(step, depth + 1);
  } else if (type == "NFC") {
    constexpr double kGrowth = 3;  // of UTF-8 in NFC, at most (Unicode Annex 15, table 11)
    limits_.add(normalizer, kGrowth);
    steps_.push_back({Kind::kNfc, {}, {}, {}});
  } else if (type == "Prepend") {
    const std::string& content = normalizer.at("prepend").string();
    limits_.add(normalizer, 1 + static_cast<double>(content.size()));
    steps_.push_back({Kind::kPrepend, {}, {}, content});
  } else if (type == "Replace") {
    const JsonField pattern = normalizer.at("pattern");
    Step step{Kind::kReplace, {}, {}, normalizer.at("content").string()};
    if (const std::optional<JsonField> literal = pattern.find("String")) {
      step.pattern = read_literal(*literal);
      limits_.add(normalizer, replacing_growth(step.pattern, step.content));
    } else {
      limits_.add(normalizer, static_cast<double>(step.content.size()));  // no match is empty
      const JsonField regex = pattern.at("Regex");
      step.regex = Regex(regex.string(), fmt::format("{}: key '{}'", regex.file(), regex.key()));
    }
    steps_.push_back(std::move(step));
  } else {
    normalizer.refuse("kvreel supports the normalizers NFC, Prepend, Replace and Sequence only");
  }
}

bool Normalizer::moves_text() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return step.kind != Kind::kNfc; });
}

std::string Normalizer::apply(std::string text) const {
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Kind::kNfc:
        text = to_nfc(text);
        break;
      case Kind::kPrepend:
        if (!text.empty()) text.insert(0, step.content);
        break;
      case Kind::kReplace:
        text = replace_ranges(
            text, step.regex ? step.regex->find_all(text) : find_literal(text, step.pattern),
            step.content);
        break;
    }
  }
  return text;
}

}  // namespace kvreel::engine
