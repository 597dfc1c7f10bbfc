// A value inside a JSON file that knows its file and key, so that every refusal can name them.
#include "engine/tokenizer/json_field.h"

#include "base/error.h"
#include "base/json.h"
#include "base/read_file.h"
#include "engine/tokenizer/unicode.h"

namespace kvreel::engine {
namespace {

// The value in words: a scalar as JSON, cut to a length that fits into a sentence. Never recursive,
// as a hostile file may nest deeply.
std::string excerpt(const nlohmann::json& value) {
  constexpr size_t kLimit = 60;
  if (value.is_array()) return fmt::format("a list of {} entries", value.size());
  if (value.is_object()) {
    const auto type = value.find("type");
    if (type != value.end() && type->is_string()) {
      return fmt::format("an object of type {}", excerpt(*type));
    }
    return fmt::format("an object of {} keys", value.size());
  }
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > kLimit) {
    text.resize(valid_utf8_prefix(std::string_view(text).substr(0, kLimit)));
    text += "...";
  }
  return text;
}

}  // namespace

JsonField::JsonField(const nlohmann::json& value, std::string_view file, std::string key)
    : value_(&value), file_(file), key_(std::move(key)) {}

JsonField JsonField::at(std::string_view key) const {
  if (!value_->is_object()) refuse("expected an object");
  const auto found = value_->find(key);
  std::string path = key_.empty() ? std::string(key) : key_ + "." + std::string(key);
  if (found == value_->end()) {
    fail("{}: key '{}' is missing; this is not a complete file of its kind, fetch it again.", file_,
         path);
  }
  return {*found, file_, std::move(path)};
}

std::optional<JsonField> JsonField::find(std::string_view key) const {
  if (!value_->is_object()) refuse("expected an object");
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return at(key);
}

std::vector<JsonField> JsonField::items() const {
  if (!value_->is_array()) refuse("expected a list");
  std::vector<JsonField> fields;
  fields.reserve(value_->size());
  for (size_t i = 0; i < value_->size(); ++i) {
    fields.emplace_back((*value_)[i], file_, fmt::format("{}[{}]", key_, i));
  }
  return fields;
}

const std::string& JsonField::string() const {
  if (!value_->is_string()) refuse("expected a string");
  return value_->get_ref<const std::string&>();
}

std::string JsonField::character() const {
  const std::string& text = string();
  if (text.empty() || first_code_point(text).length != text.size()) {
    refuse("expected a string of one character");
  }
  return text;
}

bool JsonField::boolean() const {
  if (!value_->is_boolean()) refuse("expected true or false");
  return value_->get<bool>();
}

int64_t JsonField::count() const {
  constexpr uint64_t kLimit = INT32_MAX;
  if (!value_->is_number_unsigned() || value_->get<uint64_t>() > kLimit) {
    refuse("expected an integer that is not negative");
  }
  return value_->get<int64_t>();
}

int32_t JsonField::token_id() const {
  if (!value_->is_number_unsigned() ||
      value_->get<uint64_t>() > static_cast<uint64_t>(kMaxTokenId)) {
    refuse(fmt::format("expected a token id from 0 to {}", kMaxTokenId));
  }
  return value_->get<int32_t>();
}

const std::string& JsonField::type() const {
  if (!value_->is_object()) refuse("expected an object with a key 'type'");
  const auto found = value_->find("type");
  if (found == value_->end() || !found->is_string()) refuse("expected an object with a key 'type'");
  return found->get_ref<const std::string&>();
}

void JsonField::refuse(std::string_view expectation) const {
  fail("{}: key '{}' is {}; {}.", file_, key_, excerpt(*value_), expectation);
}

std::string read_text_file(const std::filesystem::path& path) {
  constexpr uint64_t kMost = 100'000'000;  // the largest tokenizers that are known have 35 MB
  return read_file(path, kMost, "the tokenizer's file",
                   "no model has one as large, so fetch it again");
}

nlohmann::json read_json_document(const std::filesystem::path& path) {
  nlohmann::json document =
      parse_json_text(read_text_file(path), {.name = "'" + path.string() + "'"});
  if (!document.is_object()) {
    fail("{}: the file holds no JSON object at its top; fetch it again.", path.string());
  }
  return document;
}

}  // namespace kvreel::engine
