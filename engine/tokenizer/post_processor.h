// The post-processor of a tokenizer.json: the tokens that it puts around a text.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/tokenizer/json_field.h"

namespace kvreel::engine {

class PostProcessor {
 public:
  PostProcessor() = default;  // adds nothing
  // Reads the object under "post_processor": ByteLevel (which changes no ids), TemplateProcessing,
  // or a Sequence of them. Throws Error for others.
  explicit PostProcessor(const JsonField& post_processor);

  // `ids` as the templates arrange them; without `add_special` their special tokens are left out.
  std::vector<int32_t> apply(std::vector<int32_t> ids, bool add_special) const;

 private:
  // A part of a template: special tokens, or the text where there are none.
  struct Part {
    bool is_text = false;
    std::vector<int32_t> ids;
  };
  using Template = std::vector<Part>;

  void read(const JsonField& post_processor, int depth);
  void read_template(const JsonField& processing);

  std::vector<Template> templates_;
};

}  // namespace kvreel::engine
