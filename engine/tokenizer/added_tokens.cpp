// The added tokens of a tokenizer.json: strings that become one token wherever a text has them.
#include "engine/tokenizer/added_tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/tokenizer/unicode.h"

namespace kvreel::engine {
namespace {

// A search looks at this many bytes at each place of a text at most.
constexpr size_t kMaxContent = 4096;

AddedTokens::Token read_token(const JsonField& field) {
  AddedTokens::Token token;
  token.id = field.at("id").token_id();
  const JsonField content = field.at("content");
  token.content = content.string();
  if (token.content.empty() || token.content.size() > kMaxContent) {
    content.refuse(fmt::format("expected 1 to {} bytes", kMaxContent));
  }
  token.special = field.at("special").boolean();
  token.single_word = field.at("single_word").boolean();
  token.lstrip = field.at("lstrip").boolean();
  token.rstrip = field.at("rstrip").boolean();
  token.normalized = field.at("normalized").boolean();
  return token;
}

// A word character on either side of `match` forbids a token that must be a single word.
bool stands_alone(std::string_view text, TextRange match) {
  const bool left =
      match.begin == 0 || !is_word_character(last_code_point(text.substr(0, match.begin)).value);
  const bool right = match.end == text.size() ||
                     !is_word_character(first_code_point(text.substr(match.end)).value);
  return left && right;
}

}  // namespace

void AddedTokens::Trie::add(std::string_view pattern, const Token& token) {
  int32_t node = 0;
  for (const char c : pattern) {
    const auto byte = static_cast<uint8_t>(c);
    int32_t next = child(node, byte);
    if (next < 0) {
      next = static_cast<int32_t>(nodes.size());
      nodes.emplace_back();
      nodes[static_cast<size_t>(node)].children.emplace_back(byte, next);
    }
    node = next;
  }
  // Of two tokens whose normalized forms agree the first wins.
  const Token*& end = nodes[static_cast<size_t>(node)].token;
  if (end == nullptr) end = &token;
}

int32_t AddedTokens::Trie::child(int32_t node, uint8_t byte) const {
  for (const auto& [label, next] : nodes[static_cast<size_t>(node)].children) {
    if (label == byte) return next;
  }
  return -1;
}

std::pair<const AddedTokens::Token*, size_t> AddedTokens::Trie::longest(
    std::string_view text) const {
  const Token* token = nullptr;
  size_t length = 0;
  int32_t node = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    node = child(node, static_cast<uint8_t>(text[i]));
    if (node < 0) break;
    if (const Token* here = nodes[static_cast<size_t>(node)].token; here != nullptr) {
      token = here;
      length = i + 1;
    }
  }
  return {token, length};
}

AddedTokens::AddedTokens(const JsonField& tokens, const BpeModel& model,
                         const Normalizer& normalizer) {
  const std::vector<JsonField> fields = tokens.items();
  tokens_.reserve(fields.size());
  for (const JsonField& field : fields) {
    const Token& token = tokens_.emplace_back(read_token(field));
    // Hugging Face's reader ignores the file's id: a token of the vocabulary keeps its own, others
    // are numbered on from the vocabulary's size. A file that says otherwise would be read
    // differently there than here.
    const std::optional<int32_t> known = model.id_of(token.content);
    const auto size = static_cast<int64_t>(model.size());
    const int64_t expected = known ? *known : highest_id_ >= size ? int64_t{highest_id_} + 1 : size;
    if (token.id != expected) {
      field.at("id").refuse(
          fmt::format("the token '{}' must have the id {}, {}", token.content, expected,
                      known ? "as in model.vocab" : "the next one after the vocabulary"));
    }
    if (!by_content_.emplace(token.content, &token).second) {
      field.refuse(fmt::format("the token '{}' is listed twice", token.content));
    }
    const std::string* other = model.token_of(token.id);
    if (!by_id_.emplace(token.id, &token).second || (other != nullptr && *other != token.content)) {
      field.at("id").refuse("another token has the same id; every id must be unique");
    }
    highest_id_ = std::max(highest_id_, token.id);
  }
  // Special tokens first, in the order of Hugging Face's automaton.
  for (const bool special : {true, false}) {
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (token.special != special) continue;
      const std::string pattern =
          token.normalized ? normalizer.apply(token.content) : token.content;
      if (pattern.empty()) fields[i].refuse("the token is empty once it is normalized");
      (token.normalized ? normalized_ : raw_).add(pattern, token);
    }
  }
}

const AddedTokens::Token* AddedTokens::find(int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

const AddedTokens::Token* AddedTokens::find(std::string_view content) const {
  const auto found = by_content_.find(content);
  return found == by_content_.end() ? nullptr : found->second;
}

std::vector<Segment> AddedTokens::cut(std::string_view text, const Trie& trie) const {
  std::vector<Segment> segments;
  size_t taken = 0;  // end of the last segment
  for (size_t at = 0; at < text.size();) {
    const auto [token, length] = trie.longest(text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    TextRange match{at, at + length};
    at = match.end;
    if (token->single_word && !stands_alone(text, match)) continue;
    if (token->lstrip) {
      // Blanks that another token took stay its own, and are not looked at again and again.
      const size_t before = std::min(taken, match.begin);
      const size_t blanks = trailing_white_space(text.substr(before, match.begin - before));
      match.begin = std::max(match.begin - blanks, taken);
    }
    if (token->rstrip) match.end += leading_white_space(text.substr(match.end));
    if (taken < match.begin) segments.push_back({{taken, match.begin}, std::nullopt});
    segments.push_back({match, token->id});
    taken = match.end;
  }
  if (taken < text.size()) segments.push_back({{taken, text.size()}, std::nullopt});
  return segments;
}

}  // namespace kvreel::engine
