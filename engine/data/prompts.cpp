// Reads prompt files and fills templates.
#include "engine/data/prompts.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/read_file.h"
#include "base/text.h"
#include "engine/data/record_text.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;

constexpr uint64_t kMostPromptBytes = uint64_t{1} << 30;

std::vector<ChatMessage> read_messages(const json& value, const std::string& origin) {
  std::vector<ChatMessage> messages;
  if (!value.is_array() || value.empty()) {
    fail("{}: 'messages' must be a list of {{\"role\", \"content\"}} objects.", origin);
  }
  for (const json& entry : value) {
    const bool valid = entry.is_object() && entry.contains("role") && entry["role"].is_string() &&
                       entry.contains("content") && entry["content"].is_string();
    if (!valid) {
      fail("{}: message {} needs \"role\" and \"content\", both text.", origin,
           messages.size() + 1);
    }
    messages.push_back({entry["role"], entry["content"]});
  }
  return messages;
}

std::vector<int32_t> read_ids(const json& value, const std::string& origin) {
  if (!value.is_array() || value.empty()) fail("{}: 'ids' must be a list of token ids.", origin);
  std::vector<int32_t> ids;
  for (const json& entry : value) {
    if (!entry.is_number_integer() || entry.get<int64_t>() < 0 ||
        entry.get<int64_t>() > INT32_MAX) {
      fail("{}: entry {} of 'ids' is {}, which is no token id.", origin, ids.size() + 1,
           entry.dump());
    }
    ids.push_back(entry.get<int32_t>());
  }
  return ids;
}

std::vector<std::string> read_answers(const json& record, const PromptOptions& options,
                                      const std::string& origin) {
  std::string field = options.answer_field;
  if (field.empty()) {
    for (const char* known : {"answer", "answers", "reference"}) {
      if (record.contains(known)) field = known;
    }
    if (field.empty()) return {};
  } else if (!record.contains(field)) {
    fail("{}: there is no field '{}' for --answer-field; the record has: {}.", origin, field,
         fields_of(record));
  }
  std::vector<std::string> answers;
  const json& value = record[field];
  for (const json& entry : value.is_array() ? value : json::array({value})) {
    if (!entry.is_null()) answers.push_back(as_text(entry));
  }
  return answers;
}

std::vector<std::string> read_classes(const json& record, const std::string& origin) {
  std::vector<std::string> classes;
  if (!record.contains("all_classes") || record["all_classes"].is_null()) return classes;
  const json& value = record["all_classes"];
  for (const json& entry : value) {
    if (!value.is_array() || !entry.is_string()) {
      fail("{}: 'all_classes' must be a list of texts.", origin);
    }
    classes.push_back(entry.get<std::string>());
  }
  return classes;
}

PromptRecord read_record(const json& record, const PromptOptions& options,
                         const std::string& origin, int64_t number) {
  if (!record.is_object())
    fail("{}: expected a JSON object, found {}.", origin, record.type_name());
  PromptRecord prompt;
  prompt.origin = origin;
  std::set<std::string> used;
  if (!options.format.empty()) {
    prompt.text = fill_template(options.format, record, origin);
  } else if (record.contains("prompt") && record["prompt"].is_string()) {
    prompt.text = record["prompt"];
    used = {"prompt", "ids"};
  } else if (record.contains("messages")) {
    prompt.messages = read_messages(record["messages"], origin);
    used = {"messages"};
  } else if (record.contains("ids")) {
    prompt.ids = read_ids(record["ids"], origin);
    used = {"ids"};
  } else {
    fail(
        "{}: there is no text field 'prompt' (nor 'messages' nor 'ids'); the record has: {}. Say "
        "how the prompt "
        "is made with --template, for example --template '{{{}}}'.",
        origin, fields_of(record), record.empty() ? "field" : record.begin().key());
  }
  const std::string id_field = options.id_field.empty() ? "id" : options.id_field;
  if (record.contains(id_field)) {
    prompt.id = as_text(record[id_field]);
  } else if (!options.id_field.empty()) {
    fail("{}: there is no field '{}' for --id-field; the record has: {}.", origin, id_field,
         fields_of(record));
  } else {
    prompt.id = std::to_string(number);
  }
  prompt.answers = read_answers(record, options, origin);
  prompt.all_classes = read_classes(record, origin);
  used.insert({id_field, "answer", "answers", "reference", options.answer_field});

  prompt.metadata = short_fields(record, used);
  return prompt;
}

}  // namespace

PromptRecord prompt_from_text(std::string text, std::string id) {
  PromptRecord prompt;
  prompt.id = std::move(id);
  prompt.text = std::move(text);
  prompt.metadata = "{}";
  prompt.origin = fmt::format("prompt '{}'", prompt.id);
  return prompt;
}

std::vector<PromptRecord> read_prompts(const std::filesystem::path& path,
                                       const PromptOptions& options) {
  const std::string content =
      read_file(path, kMostPromptBytes, "the prompts", "split them into several files");
  const std::string name = path.string();
  const auto wanted = [&](int64_t index) {
    return index >= options.offset &&
           (options.limit == 0 || index < options.offset + options.limit);
  };
  std::vector<PromptRecord> prompts;
  if (path.extension() == ".jsonl") {
    int64_t line_number = 0;
    int64_t index = 0;
    for (std::string_view rest = content; !rest.empty();) {
      const std::string_view line = take_line(rest);
      ++line_number;
      if (trim(line).empty()) continue;
      if (!wanted(index++)) continue;
      const std::string origin = fmt::format("{}, line {}", name, line_number);
      prompts.push_back(
          read_record(parse_json_text(line, json_line(origin)), options, origin, line_number));
    }
  } else if (path.extension() == ".json") {
    const json records = parse_json_text(content, {.name = "'" + name + "'"});
    if (!records.is_array()) fail("{}: expected a JSON array of prompt records.", name);
    for (size_t i = 0; i < records.size(); ++i) {
      if (!wanted(static_cast<int64_t>(i))) continue;
      const std::string origin = fmt::format("{}, record {}", name, i + 1);
      prompts.push_back(read_record(records[i], options, origin, static_cast<int64_t>(i) + 1));
    }
  } else {
    prompts.push_back(prompt_from_text(content, path.stem().string()));
    prompts.back().origin = name;
  }
  if (prompts.empty()) {
    fail("'{}' holds no prompts{}.", name,
         options.offset > 0 ? " after --offset" : "; write one JSON object per line");
  }
  std::set<std::string> ids;
  for (const PromptRecord& prompt : prompts) {
    if (!ids.insert(prompt.id).second) {
      fail("{}: the id '{}' is there already; ids name samples in the trace and must differ.",
           prompt.origin, prompt.id);
    }
  }
  return prompts;
}

}  // namespace kvreel::engine
