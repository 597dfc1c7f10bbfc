// A value inside a JSON file that knows its file and key, so that every refusal can name them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::engine {

// Token ids are refused above this: it is far beyond every vocabulary, and keeps what a file claims
// from growing tables.
inline constexpr int64_t kMaxTokenId = (int64_t{1} << 24) - 1;

// A view: the file's name and the parsed document must outlive it.
class JsonField {
 public:
  JsonField(const nlohmann::json& value, std::string_view file, std::string key);

  JsonField at(std::string_view key) const;                   // Error where it is missing
  std::optional<JsonField> find(std::string_view key) const;  // nullopt where it is missing or null
  std::vector<JsonField> items() const;                       // the entries of a list

  const std::string& string() const;
  std::string character() const;  // a string of one code point, in UTF-8
  bool boolean() const;
  int64_t count() const;     // an integer from 0 to 2^31 - 1
  int32_t token_id() const;  // an integer from 0 to kMaxTokenId
  // The string under "type", which an object that describes a part of a tokenizer has.
  const std::string& type() const;

  const nlohmann::json& value() const { return *value_; }
  std::string_view file() const { return file_; }
  const std::string& key() const { return key_; }

  // Throws Error: file, key, the value's beginning, and `expectation` ("expected a string").
  [[noreturn]] void refuse(std::string_view expectation) const;

 private:
  const nlohmann::json* value_;
  std::string_view file_;
  std::string key_;
};

// The whole text of a file of at most 100 MB. Throws Error where it cannot be read.
std::string read_text_file(const std::filesystem::path& path);

// A parsed JSON file whose root is an object. Throws Error, naming the place, where it is
// malformed.
nlohmann::json read_json_document(const std::filesystem::path& path);

}  // namespace kvreel::engine
