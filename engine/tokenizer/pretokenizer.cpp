// The pre-tokenizer of a tokenizer.json: cuts a text into the words that byte-pair encoding works
// on.
#include "engine/tokenizer/pretokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/tokenizer/byte_level.h"
#include "engine/tokenizer/normalizer.h"

namespace kvreel::engine {
namespace {

constexpr int kMaxNestedPretokenizers = 16;

// The pattern of a ByteLevel with use_regex, GPT-2's.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// A range of a piece and whether the pattern matched it.
struct Part {
  TextRange range;
  bool match;
};

// `matches` and the gaps between them, which cover `size` bytes.
std::vector<Part> with_gaps(const std::vector<TextRange>& matches, size_t size, bool invert) {
  std::vector<Part> parts;
  parts.reserve(2 * matches.size() + 1);
  size_t at = 0;
  for (const TextRange& match : matches) {
    if (at < match.begin) parts.push_back({{at, match.begin}, invert});
    parts.push_back({match, !invert});
    at = match.end;
  }
  if (at < size) parts.push_back({{at, size}, invert});
  return parts;
}

// Joins each part to the one before it where `join(is match, was match)` says so.
template <typename Join>
std::vector<TextRange> joined(const std::vector<Part>& parts, Join join) {
  std::vector<TextRange> ranges;
  bool was_match = false;
  for (const Part& part : parts) {
    if (!ranges.empty() && join(part.match, was_match)) {
      ranges.back().end = part.range.end;
    } else {
      ranges.push_back(part.range);
    }
    was_match = part.match;
  }
  return ranges;
}

std::vector<TextRange> split_parts(std::vector<Part> parts, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::kIsolated:
      return joined(parts, [](bool, bool) { return false; });
    case SplitBehavior::kRemoved: {
      std::erase_if(parts, [](const Part& part) { return part.match; });
      return joined(parts, [](bool, bool) { return false; });
    }
    case SplitBehavior::kMergedWithPrevious:
      return joined(parts, [](bool match, bool was_match) { return match && !was_match; });
    case SplitBehavior::kContiguous:
      return joined(parts, [](bool match, bool was_match) { return match == was_match; });
    case SplitBehavior::kMergedWithNext:
      break;
  }
  // A match goes to the gap after it; of several matches in a row only the last does.
  std::vector<TextRange> ranges;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].match && i + 1 < parts.size() && !parts[i + 1].match) {
      ranges.push_back({parts[i].range.begin, parts[i + 1].range.end});
      ++i;
    } else {
      ranges.push_back(parts[i].range);
    }
  }
  return ranges;
}

// Calls `change(piece, is_first, out)` for each piece; what it appends to `out` becomes the piece.
template <typename Change>
void rewrite(Pieces& pieces, Change change) {
  std::string text;
  text.reserve(pieces.text.size() + pieces.text.size() / 2);
  size_t begin = 0;
  for (size_t i = 0; i < pieces.ends.size(); ++i) {
    const size_t end = pieces.ends[i];
    change(std::string_view(pieces.text).substr(begin, end - begin), i == 0, text);
    pieces.ends[i] = text.size();
    begin = end;
  }
  pieces.text = std::move(text);
}

// Cuts each piece by `find(piece)`, a list of matches. Only kRemoved loses text.
template <typename Find>
void cut(Pieces& pieces, SplitBehavior behavior, bool invert, Find find) {
  std::vector<size_t> ends;
  std::string kept;
  const bool loses = behavior == SplitBehavior::kRemoved;
  size_t begin = 0;
  for (const size_t end : pieces.ends) {
    const std::string_view piece = std::string_view(pieces.text).substr(begin, end - begin);
    for (const TextRange& range :
         split_parts(with_gaps(find(piece), piece.size(), invert), behavior)) {
      if (ends.empty() && begin + range.begin > 0) pieces.at_text_start = false;
      if (loses) kept += piece.substr(range.begin, range.end - range.begin);
      ends.push_back(loses ? kept.size() : begin + range.end);
    }
    begin = end;
  }
  if (loses) pieces.text = std::move(kept);
  pieces.ends = std::move(ends);
}

SplitBehavior read_behavior(const JsonField& behavior) {
  const std::string& name = behavior.string();
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  behavior.refuse("expected Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous");
}

}  // namespace

Metaspace read_metaspace(const JsonField& metaspace) {
  Metaspace result{.replacement = metaspace.at("replacement").character()};
  if (const std::optional<JsonField> scheme = metaspace.find("prepend_scheme")) {
    const std::string& name = scheme->string();
    if (name == "always") {
      result.scheme = PrependScheme::kAlways;
    } else if (name == "first") {
      result.scheme = PrependScheme::kFirst;
    } else if (name == "never") {
      result.scheme = PrependScheme::kNever;
    } else {
      scheme->refuse("expected \"always\", \"first\" or \"never\"");
    }
  }
  // The older spelling of the same; Hugging Face's reader refuses the contradiction too.
  const std::optional<JsonField> prefix = metaspace.find("add_prefix_space");
  if (prefix && !prefix->boolean() && result.scheme != PrependScheme::kNever) {
    prefix->refuse("this contradicts prepend_scheme, which must then be \"never\"");
  }
  return result;
}

PreTokenizer::PreTokenizer(const JsonField& pre_tokenizer) {
  read(pre_tokenizer, 0);
}

void PreTokenizer::read(const JsonField& pre_tokenizer, int depth) {
  const std::string& type = pre_tokenizer.type();
  if (type == "Sequence") {
    if (depth == kMaxNestedPretokenizers)
      pre_tokenizer.refuse("sequences may nest 16 deep at most");
    for (const JsonField& step : pre_tokenizer.at("pretokenizers").items()) read(step, depth + 1);
  } else if (type == "Split") {
    read_split(pre_tokenizer);
  } else if (type == "ByteLevel") {
    read_byte_level(pre_tokenizer);
  } else if (type == "Metaspace") {
    Step step{.kind = Kind::kMetaspace, .metaspace = read_metaspace(pre_tokenizer)};
    // A mark before a piece of one character.
    limits_.add(pre_tokenizer, 1 + static_cast<double>(step.metaspace.replacement.size()));
    const std::optional<JsonField> split = pre_tokenizer.find("split");
    step.split_metaspace = !split || split->boolean();
    steps_.push_back(std::move(step));
  } else if (type == "Digits") {
    // Digits are what Unicode calls numbers, superscripts and fractions among them.
    limits_.add(pre_tokenizer, 1);
    Step step{.kind = Kind::kSplit};
    step.regex =
        Regex("\\p{N}", fmt::format("{}: key '{}'", pre_tokenizer.file(), pre_tokenizer.key()));
    step.behavior = pre_tokenizer.at("individual_digits").boolean() ? SplitBehavior::kIsolated
                                                                    : SplitBehavior::kContiguous;
    steps_.push_back(std::move(step));
  } else {
    pre_tokenizer.refuse(
        "kvreel supports the pre-tokenizers Split, ByteLevel, Metaspace, Digits and Sequence only");
  }
}

void PreTokenizer::read_split(const JsonField& split) {
  limits_.add(split, 1);
  Step step{.kind = Kind::kSplit};
  step.behavior = read_behavior(split.at("behavior"));
  step.invert = split.at("invert").boolean();
  const JsonField pattern = split.at("pattern");
  if (const std::optional<JsonField> literal = pattern.find("String")) {
    step.literal = read_literal(*literal);
  } else {
    const JsonField regex = pattern.at("Regex");
    step.regex = Regex(regex.string(), fmt::format("{}: key '{}'", regex.file(), regex.key()));
  }
  steps_.push_back(std::move(step));
}

void PreTokenizer::read_byte_level(const JsonField& byte_level) {
  const bool prefix = byte_level.at("add_prefix_space").boolean();
  limits_.add(byte_level, prefix ? 4 : 2);  // a byte becomes two, and a space may come before it
  if (prefix) steps_.push_back({.kind = Kind::kPrefixSpace});
  const std::optional<JsonField> use_regex = byte_level.find("use_regex");
  if (!use_regex || use_regex->boolean()) {
    Step step{.kind = Kind::kSplit};
    step.regex =
        Regex(kGpt2Pattern, fmt::format("{}: key '{}'", byte_level.file(), byte_level.key()));
    steps_.push_back(std::move(step));
  }
  steps_.push_back({.kind = Kind::kBytes});
}

bool PreTokenizer::needs_text_start() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& step) {
    return step.kind == Kind::kMetaspace && step.metaspace.scheme == PrependScheme::kFirst;
  });
}

Pieces PreTokenizer::apply(std::string text, bool at_text_start) const {
  Pieces pieces{.text = std::move(text), .ends = {}, .at_text_start = at_text_start};
  if (!pieces.text.empty()) pieces.ends.push_back(pieces.text.size());
  for (const Step& step : steps_) apply_step(step, pieces);
  return pieces;
}

void PreTokenizer::apply_step(const Step& step, Pieces& pieces) {
  switch (step.kind) {
    case Kind::kSplit:
      cut(pieces, step.behavior, step.invert, [&](std::string_view piece) {
        return step.regex ? step.regex->find_all(piece) : find_literal(piece, step.literal);
      });
      break;
    case Kind::kPrefixSpace:
      rewrite(pieces, [](std::string_view piece, bool, std::string& out) {
        if (!piece.starts_with(' ')) out += ' ';
        out += piece;
      });
      break;
    case Kind::kBytes:
      rewrite(pieces, [](std::string_view piece, bool, std::string& out) {
        append_byte_level(out, piece);
      });
      break;
    case Kind::kMetaspace: {
      const std::string& mark = step.metaspace.replacement;
      rewrite(pieces, [&](std::string_view piece, bool is_first, std::string& out) {
        const bool wanted =
            step.metaspace.scheme == PrependScheme::kAlways ||
            (step.metaspace.scheme == PrependScheme::kFirst && is_first && pieces.at_text_start);
        if (wanted && !piece.starts_with(' ') && !piece.starts_with(mark)) out += mark;
        for (const char c : piece) {
          if (c == ' ') {
            out += mark;
          } else {
            out += c;
          }
        }
      });
      if (step.split_metaspace) {
        cut(pieces, SplitBehavior::kMergedWithNext, /*invert=*/false,
            [&](std::string_view piece) { return find_literal(piece, mark); });
      }
      break;
    }
  }
}

}  // namespace kvreel::engine
