// Chat templates: from messages to the prompt that a model was trained on.
#include "engine/tokenizer/chat_template.h"

#include "base/error.h"
#include "engine/tokenizer/jinja_evaluator.h"
#include "engine/tokenizer/jinja_parser.h"
#include "engine/tokenizer/unicode.h"

namespace kvreel::engine {
namespace {

// Templates read text by characters, so what goes in must be UTF-8.
void require_utf8(std::string_view text, std::string_view what) {
  const size_t valid = valid_utf8_prefix(text);
  if (valid != text.size()) {
    fail("{} is not UTF-8 at byte {} of {}; convert it to UTF-8.", what, valid, text.size());
  }
}

}  // namespace

struct ChatTemplate::Impl {
  std::string origin;
  jinja::Block body;
};

ChatTemplate::ChatTemplate(std::string_view source, std::string origin) {
  require_utf8(source, origin);
  if (source.size() > kMaxTemplateSource) {
    fail(
        "{} has {} bytes, and kvreel reads templates of up to {}; check that it is the right file.",
        origin, source.size(), kMaxTemplateSource);
  }
  jinja::Block body = jinja::parse(source, origin);
  impl_ = std::make_unique<const Impl>(Impl{std::move(origin), std::move(body)});
}

ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

std::string ChatTemplate::render(std::span<const ChatMessage> messages, std::string_view bos_token,
                                 std::string_view eos_token, bool add_generation_prompt,
                                 int64_t most_work) const {
  std::vector<jinja::Value> list;
  for (const ChatMessage& message : messages) {
    require_utf8(message.role, "A message's role");
    require_utf8(message.content, "A message's content");
    jinja::Dict dict;
    dict.set("role", jinja::make_string(message.role));
    dict.set("content", jinja::make_string(message.content));
    list.push_back(jinja::make_dict(std::move(dict)));
  }
  // What transformers passes where there are no tools; a token that a model lacks stays undefined.
  jinja::Dict variables;
  variables.set("messages", jinja::make_list(std::move(list)));
  variables.set("tools", jinja::Value(jinja::None{}));
  variables.set("documents", jinja::Value(jinja::None{}));
  variables.set("add_generation_prompt", jinja::Value(add_generation_prompt));
  if (!bos_token.empty()) variables.set("bos_token", jinja::make_string(std::string(bos_token)));
  if (!eos_token.empty()) variables.set("eos_token", jinja::make_string(std::string(eos_token)));
  return jinja::render(impl_->body, variables, impl_->origin, most_work);
}

}  // namespace kvreel::engine
