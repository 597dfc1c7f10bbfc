// Text to token ids and back, exactly as a model's tokenizer.json says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::engine {

// A byte-pair-encoding tokenizer: byte-level (Llama-3, Qwen2.x) or SentencePiece-style (Llama-2,
// Mistral). Immutable after loading and safe to use from several threads.
class Tokenizer {
 public:
  // Reads `directory`/tokenizer.json and, where present, tokenizer_config.json. Throws Error,
  // naming file and key, for what is malformed or describes a tokenizer that this class does not
  // implement exactly.
  static Tokenizer load(const std::filesystem::path& directory);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Ids of UTF-8 `text`. add_special: also what the post-processor adds (a leading <s>, say). The
  // text of an added token ("<|im_start|>") becomes that token. Throws Error where `text` is not
  // UTF-8.
  std::vector<int32_t> encode(std::string_view text, bool add_special) const;

  // Text of `ids`; skip_special leaves special tokens out. Ill-formed bytes become U+FFFD.
  std::string decode(std::span<const int32_t> ids, bool skip_special) const;

  // The bytes that one token adds to a text: may be part of a UTF-8 character. Added tokens give
  // their content; a SentencePiece "_word" piece gives " word". Ids outside the vocabulary give "".
  std::string piece(int32_t id) const;

  int64_t vocab_size() const;  // highest id + 1, added tokens included
  bool is_special(int32_t id) const;
  // The id of an exact vocabulary or added-token string.
  std::optional<int32_t> id_of(std::string_view token) const;

  // The chat template's source from chat_template.jinja or else tokenizer_config.json, "" where
  // there is none; bos and eos as text, which templates use, "" where there are none.
  const std::string& chat_template() const;
  const std::string& bos_token() const;
  const std::string& eos_token() const;

 private:
  friend class StreamDecoder;
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

// Decodes a stream of tokens piece by piece: what it returns is always whole UTF-8 characters, and
// the concatenation of all next() and the final flush() equals Tokenizer::decode(all ids,
// skip_special). Text is held back only while a later token may change it: an unfinished character,
// or a run of SentencePiece's byte tokens.
class StreamDecoder {
 public:
  StreamDecoder(const Tokenizer& tokenizer, bool skip_special);  // the tokenizer must outlive it
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;
  ~StreamDecoder();

  std::string next(int32_t id);  // "" for ids outside the vocabulary
  std::string flush();           // what was held back; the next token starts a new text

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kvreel::engine
