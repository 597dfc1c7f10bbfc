// From long published records to a context and a question.
#include "engine/data/long_sets.h"

#include <random>

#include "base/error.h"
#include "engine/data/record_text.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;
using std::filesystem::path;

struct Paragraph {
  std::string title;
  std::string text;
};

bool is_longbench(const JsonRecord& record) {
  return record.value.contains("context") && record.value.contains("input");
}

DatasetRecord longbench_record(const JsonRecord& record, std::string_view name) {
  const std::string set = fmt::format("{} in LongBench's layout", name);
  const auto stated = record.value.find("dataset");
  if (stated != record.value.end() && *stated != name) {
    fail("{}: the record says that it belongs to {}, not to '{}'.", record.origin, stated->dump(),
         name);
  }
  const std::vector<std::string> answers = record.texts("answers", set);
  if (answers.empty()) fail("{}: the list 'answers' is empty.", record.origin);
  std::vector<std::string> classes;
  const auto all_classes = record.value.find("all_classes");
  if (all_classes != record.value.end() && !all_classes->is_null()) {
    classes = record.texts("all_classes", set);
  }
  json fields = {{"context", record.text("context", set)}, {"input", record.text("input", set)}};
  for (const char* field : {"length", "language"}) {
    if (record.value.contains(field)) fields[field] = record.value[field];
  }
  return {fields, record.id(), answers, classes, record.origin};
}

std::string joined(const json& sentences, const std::string& origin) {
  if (!sentences.is_array()) {
    fail("{}: a paragraph of HotpotQA must be a list of sentences.", origin);
  }
  std::string text;
  for (const json& sentence : sentences) {
    if (!sentence.is_string()) fail("{}: a sentence of HotpotQA must be text.", origin);
    text += sentence.get<std::string>();
  }
  return text;
}

// [title, [sentence, ...]], and behind it the score of the search that found it, where there was
// one.
std::vector<Paragraph> read_paragraphs(const json& pairs, const std::string& origin) {
  std::vector<Paragraph> paragraphs;
  if (!pairs.is_array()) fail("{}: paragraphs of HotpotQA must be a list.", origin);
  for (const json& pair : pairs) {
    if (!pair.is_array() || pair.size() < 2 || pair.size() > 3 || !pair[0].is_string()) {
      fail("{}: a paragraph of HotpotQA must be a title and a list of sentences.", origin);
    }
    paragraphs.push_back({pair[0].get<std::string>(), joined(pair[1], origin)});
  }
  return paragraphs;
}

void shuffle(std::vector<Paragraph>& paragraphs, uint64_t seed, int64_t number) {
  std::seed_seq mix{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                    static_cast<uint32_t>(number)};
  std::mt19937_64 draw(mix);
  for (size_t i = paragraphs.size(); i > 1; --i) {
    std::swap(paragraphs[i - 1], paragraphs[draw() % i]);
  }
}

// As LongBench writes passages.
std::string numbered(const std::vector<Paragraph>& paragraphs) {
  std::string text;
  for (size_t i = 0; i < paragraphs.size(); ++i) {
    text += fmt::format("{}Passage {}:\n{}\n{}\n", i > 0 ? "\n" : "", i + 1, paragraphs[i].title,
                        paragraphs[i].text);
  }
  return text;
}

DatasetRecord hotpotqa_record(const JsonRecord& record, uint64_t seed) {
  constexpr const char* kSet = "HotpotQA";
  std::vector<Paragraph> paragraphs;
  if (record.value.contains("para_a")) {
    for (const std::string side : {"a", "b"}) {
      paragraphs.push_back({record.text("title_" + side, kSet),
                            joined(record.field("para_" + side, kSet), record.origin)});
    }
    for (Paragraph& other : read_paragraphs(record.field("distractors", kSet), record.origin)) {
      paragraphs.push_back(std::move(other));
    }
    shuffle(paragraphs, seed, record.number);
  } else {
    paragraphs = read_paragraphs(record.field("context", kSet), record.origin);
  }
  return {{{"context", numbered(paragraphs)}, {"input", record.text("question", kSet)}},
          record.id(),
          {record.text("answer", kSet)},
          {},
          record.origin};
}

// "Speaker: words", one turn a line, as LongBench writes meetings.
std::string transcript(const JsonRecord& meeting) {
  constexpr const char* kSet = "QMSum";
  const json& turns = meeting.field("meeting_transcripts", kSet);
  if (!turns.is_array()) fail("{}: 'meeting_transcripts' must be a list.", meeting.origin);
  std::string text;
  for (const json& value : turns) {
    const JsonRecord turn{value, meeting.origin + ", meeting_transcripts"};
    text += fmt::format("{}: {}\n", turn.text("speaker", kSet), turn.text("content", kSet));
  }
  return text;
}

void add_queries(const JsonRecord& meeting, const std::string& list, const std::string& context,
                 std::vector<DatasetRecord>& records) {
  constexpr const char* kSet = "QMSum";
  const json& queries = meeting.field(list, kSet);
  if (!queries.is_array()) fail("{}: '{}' must be a list.", meeting.origin, list);
  const std::string kind = list.substr(0, list.find('_'));
  for (size_t i = 0; i < queries.size(); ++i) {
    const JsonRecord query{queries[i], fmt::format("{}, {} {}", meeting.origin, list, i + 1)};
    records.push_back({{{"context", context}, {"input", query.text("query", kSet)}},
                       fmt::format("{}/{}/{}", meeting.id(), kind, i + 1),
                       {query.text("answer", kSet)},
                       {},
                       query.origin});
  }
}

}  // namespace

std::string longbench_name(const path& file) {
  const std::vector<JsonRecord> records = read_json_records(file, "LongBench");
  const auto stated = records[0].value.find("dataset");
  if (stated != records[0].value.end() && stated->is_string()) return stated->get<std::string>();
  std::string name = file.stem().string();
  if (name.ends_with("_e")) name.resize(name.size() - 2);
  if (name.starts_with("longbench_")) name.erase(0, std::string_view("longbench_").size());
  return name;
}

DatasetRecords load_longbench(const path& file, std::string_view name) {
  DatasetRecords loaded;
  for (const JsonRecord& record : read_json_records(file, name)) {
    loaded.records.push_back(longbench_record(record, name));
  }
  return loaded;
}

DatasetRecords load_qmsum(const path& file) {
  DatasetRecords loaded;
  for (const JsonRecord& record : read_json_records(file, "QMSum")) {
    if (is_longbench(record)) {
      loaded.records.push_back(longbench_record(record, "qmsum"));
      continue;
    }
    const std::string context = transcript(record);
    add_queries(record, "general_query_list", context, loaded.records);
    add_queries(record, "specific_query_list", context, loaded.records);
  }
  if (loaded.records.empty()) fail("The data set '{}' holds no queries.", file.string());
  return loaded;
}

DatasetRecords load_hotpotqa(const path& file, uint64_t seed) {
  DatasetRecords loaded;
  for (const JsonRecord& record : read_json_records(file, "HotpotQA")) {
    loaded.records.push_back(is_longbench(record) ? longbench_record(record, "hotpotqa")
                                                  : hotpotqa_record(record, seed));
  }
  return loaded;
}

}  // namespace kvreel::engine
