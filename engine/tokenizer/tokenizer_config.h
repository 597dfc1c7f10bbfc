// What tokenizer_config.json and chat_template.jinja say beside tokenizer.json: the chat template
// and two token names.
#pragma once

#include <filesystem>
#include <string>

namespace kvreel::engine {

struct TokenizerConfig {
  std::string bos_token;  // "" where there is none
  std::string eos_token;
  std::string chat_template;         // source, "" where there is none
  std::string chat_template_origin;  // where it was read, for errors
};

// Reads `directory`/tokenizer_config.json and chat_template.jinja, each where it exists; the latter
// wins, as in transformers. add_bos_token and the like are not looked at: what is added to a text
// is tokenizer.json's post_processor's to say. Throws Error for values of the wrong type.
TokenizerConfig read_tokenizer_config(const std::filesystem::path& directory);

}  // namespace kvreel::engine
