// Chat templates: any source, rendered over any messages, gives a text or one clear error, within
// bounds.
//
// The parts: the template; messages, one a line, as "role: content".
#include "engine/tokenizer/chat_template.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "fuzz/check_error.h"
#include "fuzz/parts.h"

namespace {

using kvreel::engine::ChatMessage;
using kvreel::engine::ChatTemplate;
using kvreel::fuzz::accepts;
using kvreel::fuzz::require;

// A hundredth of what a template may do: an input is then quick, whatever it says.
constexpr int64_t kWork = kvreel::engine::kMaxTemplateWork / 100;

std::vector<ChatMessage> read_messages(std::string_view text) {
  std::vector<ChatMessage> messages;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t colon = std::min(line.find(": "), line.size());
    messages.push_back({.role = std::string(line.substr(0, colon)),
                        .content = std::string(line.substr(std::min(colon + 2, line.size())))});
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto [source, messages] = kvreel::fuzz::parts_of<2>(kvreel::fuzz::as_text(data, size));
  accepts([source_text = source, message_text = messages] {
    const ChatTemplate chat(source_text, "tokenizer_config.json, key chat_template");
    const std::vector<ChatMessage> list = read_messages(message_text);
    std::string first;
    const bool rendered = accepts([&] { first = chat.render(list, "<s>", "</s>", true, kWork); });
    require(kvreel::is_utf8(first), "the rendered text is not UTF-8");
    accepts([&] { chat.render(list, "", "", false, kWork); });
    // The time of day is the one thing that may differ.
    if (source_text.find("strftime_now") != std::string_view::npos) return;
    std::string again;
    const bool rendered_again =
        accepts([&] { again = chat.render(list, "<s>", "</s>", true, kWork); });
    require(rendered == rendered_again && first == again, "a template rendered differently again");
  });
  return 0;
}
