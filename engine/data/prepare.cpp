// Renders, tokenizes and, where asked, shortens a prompt.
#include "engine/data/prepare.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace kvreel::engine {
namespace {

const Tokenizer& tokenizer_of(const Model& model, const PromptRecord& record) {
  if (!model.tokenizer) {
    fail(
        "{}: the prompt is text, but '{}' has no tokenizer.json; add it, or give token ids in the "
        "field 'ids'.",
        record.origin, model.directory.string());
  }
  return *model.tokenizer;
}

std::string render_chat(const Tokenizer& tokenizer, const Model& model,
                        std::vector<ChatMessage> messages, const std::string& system) {
  if (tokenizer.chat_template().empty()) {
    fail(
        "'{}' has no chat template (tokenizer_config.json, key chat_template); record without "
        "--chat and write "
        "the prompts as the model expects them.",
        model.directory.string());
  }
  if (!system.empty()) messages.insert(messages.begin(), {.role = "system", .content = system});
  const ChatTemplate chat(
      tokenizer.chat_template(),
      (model.directory / "tokenizer_config.json").string() + ", key chat_template");
  return chat.render(messages, tokenizer.bos_token(), tokenizer.eos_token(), true);
}

// Chat templates write their special tokens themselves. Other texts get what the tokenizer adds,
// unless they begin with the model's first token already: two of them would shift every position.
std::vector<int32_t> encode(const Tokenizer& tokenizer, const std::string& text, bool is_chat) {
  std::vector<int32_t> plain = tokenizer.encode(text, false);
  if (is_chat) return plain;
  std::vector<int32_t> with_special = tokenizer.encode(text, true);
  const bool doubled = with_special.size() > 1 && !plain.empty() &&
                       with_special.size() > plain.size() && with_special[0] == plain[0] &&
                       with_special[1] == plain[0] && tokenizer.is_special(plain[0]);
  return doubled ? plain : with_special;
}

// What is said: the only part of a prompt that may be shortened.
std::string& longest_content(PromptRecord& record) {
  if (record.messages.empty()) return record.text;
  return std::max_element(record.messages.begin(), record.messages.end(),
                          [](const ChatMessage& a, const ChatMessage& b) {
                            return a.content.size() < b.content.size();
                          })
      ->content;
}

std::string without_middle(const Tokenizer& tokenizer, const std::string& text, int64_t tokens) {
  const std::vector<int32_t> ids = tokenizer.encode(text, false);
  const auto size = static_cast<int64_t>(ids.size());
  if (tokens >= size) return text;
  const auto half = static_cast<size_t>(std::max<int64_t>(tokens / 2, 0));
  const std::span<const int32_t> all = ids;
  return tokenizer.decode(all.first(half), true) + tokenizer.decode(all.last(half), true);
}

// An answer may end in a stop token's text ("</s>"), which generated text leaves out. A text that
// the tokenizer does not give back as it was stays as it is: its score is not to depend on the
// model's vocabulary.
std::string without_special(const Tokenizer& tokenizer, const std::string& answer) {
  if (!is_utf8(answer)) return answer;
  const std::vector<int32_t> ids = tokenizer.encode(answer, false);
  return trim(tokenizer.decode(ids, false)) == trim(answer) ? tokenizer.decode(ids, true) : answer;
}

struct Rendered {
  std::string text;
  std::vector<int32_t> tokens;
};

Rendered render(const PromptRecord& record, const Model& model, const PrepareOptions& options) {
  const Tokenizer& tokenizer = tokenizer_of(model, record);
  const bool is_chat = options.chat || !record.messages.empty();
  Rendered rendered{.text = record.text, .tokens = {}};
  if (is_chat) {
    const std::vector<ChatMessage> messages =
        record.messages.empty() ? std::vector<ChatMessage>{{.role = "user", .content = record.text}}
                                : record.messages;
    rendered.text = render_chat(tokenizer, model, messages, options.system);
  }
  if (!is_utf8(rendered.text)) {
    fail("{}: the prompt is not UTF-8 text; convert the file (iconv -t UTF-8).", record.origin);
  }
  rendered.tokens = encode(tokenizer, rendered.text, is_chat);
  return rendered;
}

// Shortens the content until the rendered prompt fits. Tokenizing the joined halves again may give
// a few tokens more or fewer than were kept, hence the loop.
Rendered shorten(PromptRecord record, const Model& model, const PrepareOptions& options,
                 const Rendered& whole, int64_t limit) {
  const Tokenizer& tokenizer = tokenizer_of(model, record);
  const std::string content = longest_content(record);
  const auto content_tokens = static_cast<int64_t>(tokenizer.encode(content, false).size());
  int64_t kept = content_tokens - (static_cast<int64_t>(whole.tokens.size()) - limit);
  for (int attempt = 0; attempt < 32 && kept > 0; ++attempt) {
    longest_content(record) = without_middle(tokenizer, content, kept);
    Rendered shorter = render(record, model, options);
    const auto excess = static_cast<int64_t>(shorter.tokens.size()) - limit;
    if (excess <= 0) return shorter;
    kept -= std::max<int64_t>(excess, 2);
  }
  fail("{}: the prompt cannot be shortened to {} tokens: what surrounds its text takes {}.",
       record.origin, limit, static_cast<int64_t>(whole.tokens.size()) - content_tokens);
}

int64_t prompt_limit(const Model& model, const PrepareOptions& options) {
  const int64_t room = model.config.max_positions - options.max_new_tokens;
  if (room < 1) {
    fail(
        "--max-new-tokens {} leaves no room for a prompt: the model has {} positions; give a "
        "smaller number.",
        options.max_new_tokens, model.config.max_positions);
  }
  return options.max_prompt_tokens > 0 ? std::min(options.max_prompt_tokens, room) : room;
}

}  // namespace

Sample prepare_sample(const PromptRecord& record, const Model& model,
                      const PrepareOptions& options) {
  Rendered rendered =
      record.ids.empty() ? render(record, model, options) : Rendered{{}, record.ids};
  Sample sample{.id = record.id, .metadata = record.metadata};
  sample.original_tokens = static_cast<int64_t>(rendered.tokens.size());
  const int64_t limit = prompt_limit(model, options);
  if (sample.original_tokens > limit) {
    if (options.truncation == Truncation::refuse || !record.ids.empty()) {
      fail(
          "{}: the prompt has {} tokens, but {} fit ({} positions less {} new tokens{}). Shorten "
          "it{}, or lower "
          "--max-new-tokens.",
          record.origin, sample.original_tokens, limit, model.config.max_positions,
          options.max_new_tokens,
          options.max_prompt_tokens > 0 ? ", at most --max-prompt-tokens" : "",
          record.ids.empty() ? ", cut out its middle with --truncate middle" : "");
    }
    rendered = shorten(record, model, options, rendered, limit);
  }
  sample.text = std::move(rendered.text);
  sample.tokens = std::move(rendered.tokens);
  for (const int32_t id : sample.tokens) {
    if (id >= model.config.vocab_size) {
      fail("{}: token id {} is outside the model's vocabulary of {}.", record.origin, id,
           model.config.vocab_size);
    }
    sample.pieces.push_back(model.tokenizer ? model.tokenizer->piece(id) : std::string());
  }
  for (const std::string& answer : record.answers) {
    sample.answers.push_back(model.tokenizer ? without_special(*model.tokenizer, answer) : answer);
  }
  sample.metrics = options.metrics;
  sample.all_classes = record.all_classes;
  sample.score_first_line = options.score_first_line;
  return sample;
}

}  // namespace kvreel::engine
