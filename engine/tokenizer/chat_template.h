// Chat templates: the part of Jinja that the templates of Llama-2/3, Mistral and Qwen2.x use.
// Whatever it does not know is refused with a sentence that names line and construct, never
// skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kvreel::engine {

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant"
  std::string content;
};

// What rendering may take by default, in bytes of text that is made or copied, or as much work: a
// conversation of a million tokens takes a tenth of it, and all of it a second or so.
inline constexpr int64_t kMaxTemplateWork = int64_t{256} << 20;
// Bytes of a template's source: the longest published ones have a tenth.
inline constexpr size_t kMaxTemplateSource = size_t{256} << 10;

class ChatTemplate {
 public:
  // Parses `source` (as Hugging Face renders it: trim_blocks and lstrip_blocks on). `origin` names
  // it in errors: "tokenizer_config.json, key chat_template". Throws Error for unknown syntax,
  // and for sources beyond kMaxTemplateSource.
  ChatTemplate(std::string_view source, std::string origin);
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // The rendered prompt. Variables: messages, bos_token, eos_token, add_generation_prompt.
  // raise_exception() in the template becomes an Error with its text. Throws Error where rendering
  // would take more than `most_work`: a template may come from a stranger.
  std::string render(std::span<const ChatMessage> messages, std::string_view bos_token,
                     std::string_view eos_token, bool add_generation_prompt,
                     int64_t most_work = kMaxTemplateWork) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace kvreel::engine
