// Reads and checks; every message names the place.
#include "engine/data/dataset_file.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/read_file.h"
#include "base/text.h"
#include "engine/data/record_text.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;

constexpr uint64_t kMostBytes = uint64_t{1} << 30;
constexpr std::string_view kRemedy = "docs/datasets.md describes the layout";

JsonSource whole(const std::filesystem::path& path) {
  return {.name = "'" + path.string() + "'", .one_line = false, .remedy = kRemedy};
}

void require_object(const json& value, const std::string& origin, std::string_view set) {
  if (!value.is_object()) {
    fail("{}: {} needs JSON objects, but this is {}.", origin, set, value.type_name());
  }
}

}  // namespace

const json& JsonRecord::field(std::string_view name, std::string_view set) const {
  const auto found = value.find(name);
  if (found == value.end()) {
    fail("{}: there is no field '{}', which {} has; the record has: {}. Is this another layout?",
         origin, name, set, fields_of(value));
  }
  return *found;
}

std::string JsonRecord::text(std::string_view name, std::string_view set) const {
  const json& found = field(name, set);
  if (!found.is_string()) {
    fail("{}: the field '{}' of {} must be text, not {}.", origin, name, set, found.type_name());
  }
  return found.get<std::string>();
}

std::vector<std::string> JsonRecord::texts(std::string_view name, std::string_view set) const {
  const json& found = field(name, set);
  const bool valid = found.is_array() && std::all_of(found.begin(), found.end(),
                                                     [](const json& e) { return e.is_string(); });
  if (!valid) fail("{}: the field '{}' of {} must be a list of texts.", origin, name, set);
  return found.get<std::vector<std::string>>();
}

std::string JsonRecord::id() const {
  for (const char* name : {"_id", "id"}) {
    const auto found = value.find(name);
    if (found != value.end() && (found->is_string() || found->is_number())) return as_text(*found);
  }
  return std::to_string(number);
}

std::string read_bytes(const std::filesystem::path& path) {
  std::string bytes = read_file(path, kMostBytes, "the data set", "split it into several files");
  if (trim(bytes).empty()) fail("The data set '{}' is empty.", path.string());
  return bytes;
}

std::string read_text(const std::filesystem::path& path) {
  std::string text = read_bytes(path);
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  if (is_utf8(text)) return text;
  int64_t line = 1;
  for (std::string_view rest = text; is_utf8(take_line(rest));) ++line;
  fail("'{}' is not UTF-8 text (line {}); convert it, for example with iconv -f LATIN1 -t UTF-8.",
       path.string(), line);
}

std::vector<JsonRecord> read_json_records(const std::filesystem::path& path, std::string_view set) {
  const std::string text = read_text(path);
  std::vector<JsonRecord> records;
  if (path.extension() == ".json" && trim(text).starts_with('[')) {
    for (json& value : parse_json_text(text, whole(path))) {
      const auto number = static_cast<int64_t>(records.size()) + 1;
      records.push_back(
          {std::move(value), fmt::format("{}, record {}", path.string(), number), number});
    }
  } else {
    int64_t number = 0;
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view line = take_line(rest);
      ++number;
      if (trim(line).empty()) continue;
      const std::string origin = fmt::format("{}, line {}", path.string(), number);
      records.push_back({parse_json_text(line, {origin, true, kRemedy}), origin, number});
    }
  }
  if (records.empty()) fail("The data set '{}' holds no records.", path.string());
  for (const JsonRecord& record : records) require_object(record.value, record.origin, set);
  return records;
}

JsonRecord read_json_object(const std::filesystem::path& path, std::string_view set) {
  JsonRecord record{parse_json_text(read_text(path), whole(path)), path.string(), 1};
  require_object(record.value, record.origin, set);
  return record;
}

}  // namespace kvreel::engine
