// The pre-tokenizer of a tokenizer.json: cuts a text into the words that byte-pair encoding works
// on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/json_field.h"
#include "engine/tokenizer/regex.h"
#include "engine/tokenizer/step_limits.h"

namespace kvreel::engine {

// A text and the places where it is cut.
struct Pieces {
  std::string text;
  std::vector<size_t> ends;    // end of each piece in bytes, ascending; the last is text.size()
  bool at_text_start = false;  // the first piece starts where the user's text starts
};

// What a Split does with the matches of its pattern and the gaps between them.
enum class SplitBehavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

// When a Metaspace puts its character before a piece that does not start with it.
enum class PrependScheme { kAlways, kFirst, kNever };

// The two fields of a Metaspace that its decoder reads too.
struct Metaspace {
  std::string replacement;  // one character, usually U+2581
  PrependScheme scheme = PrependScheme::kAlways;
};
Metaspace read_metaspace(const JsonField& metaspace);

class PreTokenizer {
 public:
  PreTokenizer() = default;  // one piece
  // Reads the object under "pre_tokenizer": Split, ByteLevel, Metaspace, Digits, or a Sequence of
  // them. Throws Error for others.
  explicit PreTokenizer(const JsonField& pre_tokenizer);

  // The pieces of `text` (well-formed UTF-8), none of them empty; a ByteLevel step makes them
  // byte-level text.
  Pieces apply(std::string text, bool at_text_start) const;

  // Whether a step asks where the user's text starts: a Metaspace with prepend_scheme "first".
  bool needs_text_start() const;

 private:
  enum class Kind { kSplit, kPrefixSpace, kBytes, kMetaspace };
  struct Step {
    Kind kind;
    std::optional<Regex> regex{};  // kSplit
    std::string literal{};         // kSplit without a regex
    SplitBehavior behavior = SplitBehavior::kIsolated;
    bool invert = false;
    Metaspace metaspace{};
    bool split_metaspace = true;
  };

  void read(const JsonField& pre_tokenizer, int depth);
  void read_split(const JsonField& split);
  void read_byte_level(const JsonField& byte_level);
  static void apply_step(const Step& step, Pieces& pieces);

  std::vector<Step> steps_;
  StepLimits limits_;
};

}  // namespace kvreel::engine
