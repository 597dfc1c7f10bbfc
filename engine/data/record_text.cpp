// Templates over JSON records.
#include "engine/data/record_text.h"

#include <fmt/ranges.h>

#include <vector>

#include "base/error.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;

constexpr size_t kLongestMetadata = 512;  // bytes of a field as JSON

}  // namespace

std::string fields_of(const json& record) {
  std::vector<std::string> names;
  for (const auto& [name, value] : record.items()) names.push_back(name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string as_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string fill_template(const std::string& format, const json& record,
                          const std::string& origin) {
  std::string text;
  for (size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if ((c == '{' || c == '}') && i + 1 < format.size() && format[i + 1] == c) {
      text += c;
      ++i;
    } else if (c == '{') {
      const size_t close = format.find('}', i);
      if (close == std::string::npos) {
        fail_usage(
            "--template has a '{{' without its '}}' at character {}; write '{{{{' for a brace.",
            i + 1);
      }
      const std::string field = format.substr(i + 1, close - i - 1);
      const bool pointer = field.starts_with('/');
      bool found = false;
      try {
        found = pointer ? record.contains(json::json_pointer(field)) : record.contains(field);
      } catch (const json::exception&) {
        fail_usage("--template: '{}' is not a JSON pointer; write {{/list/0/field}}.", field);
      }
      if (!found) {
        fail("{}: there is no field '{}' for --template; the record has: {}.", origin, field,
             fields_of(record));
      }
      text += as_text(pointer ? record.at(json::json_pointer(field)) : record.at(field));
      i = close;
    } else if (c == '}') {
      fail_usage(
          "--template has a '}}' without its '{{' at character {}; write '}}}}' for a brace.",
          i + 1);
    } else {
      text += c;
    }
  }
  return text;
}

std::string short_fields(const json& record, const std::set<std::string>& used) {
  json metadata = json::object();
  for (const auto& [name, value] : record.items()) {
    if (!used.contains(name) && value.dump().size() <= kLongestMetadata) metadata[name] = value;
  }
  return metadata.dump();
}

}  // namespace kvreel::engine
