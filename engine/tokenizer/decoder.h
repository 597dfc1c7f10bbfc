// The decoder of a tokenizer.json: tokens to text, as a stream or all at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/json_field.h"
#include "engine/tokenizer/pretokenizer.h"
#include "engine/tokenizer/step_limits.h"

namespace kvreel::engine {

// A decoding under way. What push() and finish() return is whole UTF-8 characters, and does not
// depend on later tokens.
class DecodeStream {
 public:
  class Step;

  explicit DecodeStream(std::vector<std::unique_ptr<Step>> steps);
  DecodeStream(DecodeStream&&) noexcept;
  DecodeStream& operator=(DecodeStream&&) noexcept;
  ~DecodeStream();

  std::string push(
      std::string_view token);  // text that is settled once `token` (well-formed UTF-8) is known
  std::string finish();         // the rest; the stream is at its end then

 private:
  std::vector<std::unique_ptr<Step>> steps_;  // each feeds the next; the last collects the text
};

class Decoder {
 public:
  Decoder() =
      default;  // tokens with a space between them, as Hugging Face's tokenizers without a decoder
  // Reads the object under "decoder": ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip, or
  // a Sequence of them. Throws Error for others.
  explicit Decoder(const JsonField& decoder);

  DecodeStream start() const;

  // The bytes that `token` alone stands for, whatever its neighbours: without what is stripped at
  // the ends of a text.
  std::string piece(std::string_view token) const;

 private:
  enum class Kind { kByteLevel, kMetaspace, kReplace, kByteFallback, kFuse, kStrip };
  struct Spec {
    Kind kind = Kind::kFuse;
    Metaspace metaspace;
    std::string pattern;  // kReplace; kStrip: the character
    std::string content;  // kReplace
    int64_t start = 0;    // kStrip: characters at the start of a token at most
    int64_t stop = 0;     // and at its end
  };

  void read(const JsonField& decoder, int depth);

  std::optional<std::vector<Spec>> specs_;  // nullopt: no decoder
  StepLimits limits_;
};

}  // namespace kvreel::engine
