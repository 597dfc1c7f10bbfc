// The added tokens of a tokenizer.json: strings that become one token wherever a text has them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/json_field.h"
#include "engine/tokenizer/normalizer.h"

namespace kvreel::engine {

// A stretch of a text: an added token, or text between them.
struct Segment {
  TextRange range;            // bytes of the text
  std::optional<int32_t> id;  // of the added token
};

class AddedTokens {
 public:
  struct Token {
    int32_t id = 0;
    std::string content;
    bool special = false;
    bool single_word = false;  // only where no word character stands beside it
    bool lstrip = false;       // takes the white space on its left with it
    bool rstrip = false;       // and on its right
    bool normalized = false;   // looked for in the normalized text, in its own normalized form
  };

  AddedTokens() = default;
  // Reads the list under "added_tokens". Throws Error for an id that contradicts the vocabulary or
  // is not the one that Hugging Face's tokenizers would give the token, and for tokens that are
  // empty or listed twice.
  AddedTokens(const JsonField& tokens, const BpeModel& model, const Normalizer& normalizer);

  // `text` (well-formed UTF-8) cut at the tokens that are looked for before or after normalization:
  // at each place the longest token, from left to right.
  std::vector<Segment> cut_raw(std::string_view text) const { return cut(text, raw_); }
  std::vector<Segment> cut_normalized(std::string_view text) const {
    return cut(text, normalized_);
  }

  const Token* find(int32_t id) const;                // nullptr where `id` is no added token
  const Token* find(std::string_view content) const;  // the same by content
  int32_t highest_id() const { return highest_id_; }  // -1 where there are none

 private:
  // A tree over bytes; node 0 is the root.
  struct Trie {
    struct Node {
      std::vector<std::pair<uint8_t, int32_t>> children;  // few, so searched one by one
      const Token* token = nullptr;                       // that ends here
    };
    std::vector<Node> nodes = std::vector<Node>(1);

    void add(std::string_view pattern, const Token& token);
    int32_t child(int32_t node, uint8_t byte) const;  // -1 where there is none
    // The longest token at the start of `text` and its bytes.
    std::pair<const Token*, size_t> longest(std::string_view text) const;
  };

  std::vector<Segment> cut(std::string_view text, const Trie& trie) const;

  std::vector<Token>
      tokens_;  // never changes after construction, so that the others may point into it
  std::unordered_map<int32_t, const Token*> by_id_;
  std::unordered_map<std::string_view, const Token*> by_content_;
  Trie raw_;
  Trie normalized_;
  int32_t highest_id_ = -1;
};

}  // namespace kvreel::engine
