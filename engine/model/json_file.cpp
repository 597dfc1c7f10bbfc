// JSON of a model directory, read strictly, with errors that name file, key and value.
#include "engine/model/json_file.h"

#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/read_file.h"
#include "base/text.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxJsonBytes = 100'000'000;  // a tokenizer.json or an index is well below
constexpr size_t kMaxShown = 120;

std::string shortened(std::string text, size_t most) {
  if (text.size() <= most) return text;
  text.resize(most);
  return to_utf8_lossy(text) + "...";
}

// Refuses keys that occur twice while the value is built.
class UniqueKeys {
 public:
  explicit UniqueKeys(const std::string& file) : file_(file) {}

  void see(json::parse_event_t event, const json& value) {
    switch (event) {
      case json::parse_event_t::object_start:
      case json::parse_event_t::array_start:
        keys_.emplace_back();
        break;
      case json::parse_event_t::object_end:
      case json::parse_event_t::array_end:
        keys_.pop_back();
        break;
      case json::parse_event_t::key:
        if (!keys_.back().insert(value.get<std::string>()).second) {
          fail("'{}' has the key {} twice in one object; remove one of the two.", file_,
               shown(value));
        }
        break;
      case json::parse_event_t::value:
        break;
    }
  }

 private:
  const std::string& file_;
  std::vector<std::unordered_set<std::string>> keys_;  // of every object that is open
};

}  // namespace

json parse_json(std::string_view text, const std::string& file) {
  UniqueKeys events(file);
  return parse_json_text(text, {.name = "'" + file + "'"},
                         [&events](int, json::parse_event_t event, json& value) {
                           events.see(event, value);
                           return true;
                         });
}

json read_json_file(const std::filesystem::path& path) {
  return parse_json(read_file(path, kMaxJsonBytes, "the model's JSON file",
                              "no model has one as large, so fetch it again"),
                    path.string());
}

std::string shown(const json& value) {
  return shortened(value.dump(-1, ' ', false, json::error_handler_t::replace), kMaxShown);
}

JsonObject::JsonObject(const json& value, std::string file, std::string prefix)
    : value_(&value), file_(std::move(file)), prefix_(std::move(prefix)) {
  if (value.is_object()) return;
  if (prefix_.empty()) fail("'{}' holds {}, not a JSON object.", file_, shown(value));
  fail("'{}': key '{}' is {}; an object is expected.", file_,
       std::string_view(prefix_).substr(0, prefix_.size() - 1), shown(value));
}

bool JsonObject::has(const std::string& key) const {
  return value_->contains(key);
}

const json* JsonObject::find(const std::string& key) const {
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

int64_t JsonObject::to_integer(const std::string& key, const json& value, int64_t lowest,
                               int64_t highest) const {
  if (value.is_number_integer()) {
    const bool beyond_int64 = value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX;
    if (!beyond_int64 && value.get<int64_t>() >= lowest && value.get<int64_t>() <= highest) {
      return value.get<int64_t>();
    }
  }
  refuse(key, fmt::format("an integer from {} to {} is expected", lowest, highest));
}

std::optional<int64_t> JsonObject::integer(const std::string& key, int64_t lowest,
                                           int64_t highest) const {
  const json* found = find(key);
  if (!found) return std::nullopt;
  return to_integer(key, *found, lowest, highest);
}

std::optional<double> JsonObject::number(const std::string& key) const {
  const json* found = find(key);
  if (!found) return std::nullopt;
  if (!found->is_number()) refuse(key, "a number is expected");
  return found->get<double>();
}

std::optional<bool> JsonObject::boolean(const std::string& key) const {
  const json* found = find(key);
  if (!found) return std::nullopt;
  if (!found->is_boolean()) refuse(key, "true or false is expected");
  return found->get<bool>();
}

std::optional<std::string> JsonObject::text(const std::string& key) const {
  const json* found = find(key);
  if (!found) return std::nullopt;
  if (!found->is_string()) refuse(key, "a string is expected");
  return found->get<std::string>();
}

std::optional<JsonObject> JsonObject::object(const std::string& key) const {
  const json* found = find(key);
  if (!found) return std::nullopt;
  return JsonObject(*found, file_, prefix_ + key + ".");
}

std::vector<int64_t> JsonObject::integers(const std::string& key, int64_t lowest,
                                          int64_t highest) const {
  const json* found = find(key);
  if (!found) return {};
  if (!found->is_array()) return {to_integer(key, *found, lowest, highest)};
  std::vector<int64_t> values;
  for (const json& value : *found) values.push_back(to_integer(key, value, lowest, highest));
  return values;
}

int64_t JsonObject::required_integer(const std::string& key, int64_t lowest,
                                     int64_t highest) const {
  const auto value = integer(key, lowest, highest);
  if (!value) miss(key, "an integer is expected");
  return *value;
}

double JsonObject::required_number(const std::string& key) const {
  const auto value = number(key);
  if (!value) miss(key, "a number is expected");
  return *value;
}

void JsonObject::refuse(const std::string& key, std::string_view why) const {
  const auto found = value_->find(key);
  fail("'{}': key '{}{}' is {}; {}.", file_, prefix_, key,
       found == value_->end() ? "absent" : shown(*found), why);
}

void JsonObject::miss(const std::string& key, std::string_view why) const {
  fail("'{}' has no key '{}{}'; {}.", file_, prefix_, key, why);
}

}  // namespace kvreel::engine
