// What tokenizer_config.json and chat_template.jinja say beside tokenizer.json: the chat template
// and two token names.
#include "engine/tokenizer/tokenizer_config.h"

#include <fmt/format.h>

#include "base/error.h"
#include "engine/tokenizer/json_field.h"
#include "engine/tokenizer/unicode.h"

namespace kvreel::engine {
namespace {

// A token's text: a string, an AddedToken object with its content, or null.
std::string token_text(const JsonField& config, std::string_view key) {
  const std::optional<JsonField> token = config.find(key);
  if (!token) return {};
  return token->value().is_object() ? token->at("content").string() : token->string();
}

// One template, or of a list of named ones the one called "default".
void read_template(const JsonField& config, TokenizerConfig& result) {
  const std::optional<JsonField> field = config.find("chat_template");
  if (!field) return;
  if (!field->value().is_array()) {
    result.chat_template = field->string();
    result.chat_template_origin = fmt::format("{}, key {}", field->file(), field->key());
    return;
  }
  for (const JsonField& named : field->items()) {
    if (named.at("name").string() != "default") continue;
    const JsonField source = named.at("template");
    result.chat_template = source.string();
    result.chat_template_origin = fmt::format("{}, key {}", source.file(), source.key());
  }
}

}  // namespace

TokenizerConfig read_tokenizer_config(const std::filesystem::path& directory) {
  TokenizerConfig result;
  const std::filesystem::path config_path = directory / "tokenizer_config.json";
  if (std::filesystem::exists(config_path)) {
    const nlohmann::json document = read_json_document(config_path);
    const std::string name = config_path.string();
    const JsonField config(document, name, "");
    result.bos_token = token_text(config, "bos_token");
    result.eos_token = token_text(config, "eos_token");
    read_template(config, result);
  }
  const std::filesystem::path template_path = directory / "chat_template.jinja";
  if (std::filesystem::exists(template_path)) {
    result.chat_template = read_text_file(template_path);
    result.chat_template_origin = template_path.string();
    const size_t valid = valid_utf8_prefix(result.chat_template);
    if (valid != result.chat_template.size()) {
      fail("{}: the text is not UTF-8 at byte {}; store it as UTF-8.", template_path.string(),
           valid);
    }
  }
  return result;
}

}  // namespace kvreel::engine
