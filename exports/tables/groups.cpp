// Groups of samples by a field of their metadata.
#include "exports/tables/groups.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace kvreel::exports {

std::vector<std::string> sample_groups(const tracer::Trace& trace, const std::string& field) {
  constexpr std::string_view kNoGroup = "(none)";
  std::vector<std::string> groups;
  std::vector<std::string> fields;
  bool found = false;
  const tracer::Text metadata =
      trace.read_column(&tracer::Samples::metadata, 0, trace.rows<tracer::Samples>());
  for (size_t i = 0; i < metadata.rows(); ++i) {
    const auto object = parse_json_or_discard(metadata.at(i));
    groups.emplace_back(kNoGroup);
    if (!object.is_object()) continue;
    for (const auto& item : object.items()) {
      if (std::find(fields.begin(), fields.end(), item.key()) == fields.end())
        fields.push_back(item.key());
    }
    const auto value = object.find(field);
    if (value == object.end()) continue;
    found = true;
    // A field that is there and says nothing is none: its group would have no name.
    if (value->is_null() || (value->is_string() && value->get_ref<const std::string&>().empty()))
      continue;
    groups.back() = value->is_string() ? value->get<std::string>() : value->dump();
  }
  if (!found) {
    fail_usage("No sample of {} has a field '{}' to group by.{}", trace.path(), field,
               fields.empty() ? " Their metadata has no fields." : suggest_name(field, fields));
  }
  return groups;
}

Groups::Groups(const tracer::Trace& trace, const std::string& field) {
  std::map<std::string, size_t> numbers;
  for (std::string& group : sample_groups(trace, field)) {
    const auto [known, is_new] = numbers.emplace(group, names_.size());
    if (is_new) names_.push_back(std::move(group));
    of_sample_.push_back(known->second);
  }
}

size_t Groups::number(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  return found == names_.end() ? 0 : static_cast<size_t>(found - names_.begin());
}

}  // namespace kvreel::exports
