// JSON of a model directory, read strictly, with errors that name file, key and value.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::engine {

// Parses `text`, which came from `file` (named in errors). Throws Error for malformed JSON, for a
// key that occurs twice in one object (readers disagree on which one counts) and for nesting deeper
// than kDeepestJson.
nlohmann::json parse_json(std::string_view text, const std::string& file);

// The same of a whole file of at most 100 MB. Throws Error where it cannot be read.
nlohmann::json read_json_file(const std::filesystem::path& path);

// A value as it is quoted in an error: JSON on one line, shortened where it is long.
std::string shown(const nlohmann::json& value);

// A view of one object and of where it stands. `value` must outlive it. For all readers a key that
// is null is a key that is absent; a value of another type is an Error.
class JsonObject {
 public:
  // `prefix` is what stands before a key in errors, "rope_scaling." for instance. Throws Error
  // where `value` is no object.
  JsonObject(const nlohmann::json& value, std::string file, std::string prefix = "");

  const std::string& file() const { return file_; }
  const nlohmann::json& value() const { return *value_; }

  // True where the key is written, be it null.
  bool has(const std::string& key) const;
  // Null where the key is absent or null.
  const nlohmann::json* find(const std::string& key) const;

  std::optional<int64_t> integer(const std::string& key, int64_t lowest, int64_t highest) const;
  std::optional<double> number(const std::string& key) const;
  std::optional<bool> boolean(const std::string& key) const;
  std::optional<std::string> text(const std::string& key) const;
  std::optional<JsonObject> object(const std::string& key) const;
  // One integer or a list of them; empty where absent.
  std::vector<int64_t> integers(const std::string& key, int64_t lowest, int64_t highest) const;

  // The same, and an Error where the key is absent.
  int64_t required_integer(const std::string& key, int64_t lowest, int64_t highest) const;
  double required_number(const std::string& key) const;

  // Throws "'file': key 'prefix.key' is <value>; <why>".
  [[noreturn]] void refuse(const std::string& key, std::string_view why) const;
  // Throws "'file' has no key 'prefix.key'; <why>".
  [[noreturn]] void miss(const std::string& key, std::string_view why) const;

 private:
  int64_t to_integer(const std::string& key, const nlohmann::json& value, int64_t lowest,
                     int64_t highest) const;

  const nlohmann::json* value_;
  std::string file_;
  std::string prefix_;
};

}  // namespace kvreel::engine
