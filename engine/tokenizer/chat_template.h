// Chat templates: the part of Jinja that the templates of Llama-2/3, Mistral and Qwen2.x use.
// Whatever it does not know is refused with a sentence that names line and construct, never
// skipped.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kvreel::engine {

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant"
  std::string content;
};

class ChatTemplate {
 public:
  // Parses `source` (as Hugging Face renders it: trim_blocks and lstrip_blocks on). `origin` names
  // it in errors: "tokenizer_config.json, key chat_template". Throws Error for unknown syntax.
  ChatTemplate(std::string_view source, std::string origin);
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // The rendered prompt. Variables: messages, bos_token, eos_token, add_generation_prompt.
  // raise_exception() in the template becomes an Error with its text.
  std::string render(std::span<const ChatMessage> messages, std::string_view bos_token,
                     std::string_view eos_token, bool add_generation_prompt) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace kvreel::engine
