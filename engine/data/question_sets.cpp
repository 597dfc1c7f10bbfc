// From published files to questions and answers.
#include "engine/data/question_sets.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <random>
#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "engine/data/csv.h"
#include "engine/data/record_text.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;
using std::filesystem::path;

// A CSV file as records: every column becomes a text field.
std::vector<JsonRecord> read_csv_records(const path& file) {
  const std::string name = file.string();
  const std::vector<CsvRow> rows = parse_csv(read_text(file), name);
  std::vector<JsonRecord> records;
  for (size_t r = 1; r < rows.size(); ++r) {
    if (rows[r].fields.size() != rows[0].fields.size()) {
      fail("{}, line {}: the row has {} fields, but the header has {}.", name, rows[r].line,
           rows[r].fields.size(), rows[0].fields.size());
    }
    json value = json::object();
    for (size_t c = 0; c < rows[r].fields.size(); ++c) value[rows[0].fields[c]] = rows[r].fields[c];
    records.push_back({std::move(value), fmt::format("{}, line {}", name, rows[r].line),
                       static_cast<int64_t>(r)});
  }
  if (records.empty()) fail("The data set '{}' holds no records.", name);
  return records;
}

std::vector<JsonRecord> read_csv_or_json(const path& file, std::string_view set) {
  return file.extension() == ".csv" ? read_csv_records(file) : read_json_records(file, set);
}

// "True", "[2, 3]", "(a)", "0.5": as TheoremQA's answers are meant.
std::string theorem_answer(const JsonRecord& record) {
  const json& answer = record.field("Answer", "TheoremQA");
  if (answer.is_boolean()) return answer.get<bool>() ? "True" : "False";
  const bool numbers = answer.is_array() && !answer.empty() &&
                       std::all_of(answer.begin(), answer.end(),
                                   [](const json& entry) { return entry.is_number(); });
  if (!answer.is_number() && !answer.is_string() && !numbers) {
    fail(
        "{}: the field 'Answer' of TheoremQA must be a number, a list of numbers, true or false, "
        "or text, not {}.",
        record.origin, answer.type_name());
  }
  return as_text(answer);
}

struct Choices {
  std::vector<std::string> options;  // the right one is options[right]
  size_t right = 0;
};

// The options in the order drawn: Fisher and Yates over raw draws, the same on every machine.
Choices shuffled(Choices choices, uint64_t seed, int64_t number) {
  std::seed_seq mix{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                    static_cast<uint32_t>(number)};
  std::mt19937_64 draw(mix);
  for (size_t i = choices.options.size(); i > 1; --i) {
    const size_t j = draw() % i;
    std::swap(choices.options[i - 1], choices.options[j]);
    if (choices.right == i - 1) {
      choices.right = j;
    } else if (choices.right == j) {
      choices.right = i - 1;
    }
  }
  return choices;
}

std::string trimmed(std::string_view text) {
  return std::string(trim(text));
}

Choices read_choices(const JsonRecord& record) {
  constexpr const char* kSet = "GPQA";
  Choices choices{{trimmed(record.text("Correct Answer", kSet))}, 0};
  for (const char* name : {"Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"}) {
    choices.options.push_back(trimmed(record.text(name, kSet)));
  }
  return choices;
}

// The six coarse classes of TREC (Li and Roth 2002) in words.
struct TrecClass {
  std::string_view code;
  const char* name;
};
constexpr std::array kTrecClasses = {TrecClass{"ABBR", "Abbreviation"}, TrecClass{"ENTY", "Entity"},
                                     TrecClass{"DESC", "Description"},  TrecClass{"HUM", "Human"},
                                     TrecClass{"LOC", "Location"},      TrecClass{"NUM", "Number"}};

std::string latin1_to_utf8(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | (byte >> 6));
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

}  // namespace

DatasetRecords load_gsm8k(const path& file) {
  constexpr std::string_view kMark = "####";
  DatasetRecords loaded;
  for (const JsonRecord& record : read_json_records(file, "GSM8K")) {
    const std::string answer = record.text("answer", "GSM8K");
    const size_t mark = answer.rfind(kMark);
    if (mark == std::string::npos) {
      fail("{}: the answer has no '####' before its number; GSM8K's answers end in '#### 18'.",
           record.origin);
    }
    loaded.records.push_back({{{"question", record.text("question", "GSM8K")}},
                              record.id(),
                              {trimmed(std::string_view(answer).substr(mark + kMark.size()))},
                              {},
                              record.origin});
  }
  return loaded;
}

DatasetRecords load_gpqa(const path& file, uint64_t seed) {
  DatasetRecords loaded;
  for (const JsonRecord& record : read_csv_or_json(file, "GPQA")) {
    const Choices choices = shuffled(read_choices(record), seed, record.number);
    const json fields = {{"question", trimmed(record.text("Question", "GPQA"))},
                         {"a", choices.options[0]},
                         {"b", choices.options[1]},
                         {"c", choices.options[2]},
                         {"d", choices.options[3]}};
    const bool named = record.value.contains("Record ID") && record.value["Record ID"].is_string();
    loaded.records.push_back({fields,
                              named ? record.value["Record ID"].get<std::string>() : record.id(),
                              {std::string(1, static_cast<char>('A' + choices.right))},
                              {},
                              record.origin});
  }
  return loaded;
}

DatasetRecords load_theoremqa(const path& file) {
  DatasetRecords loaded{.left_out_why = "their question needs a picture"};
  for (const JsonRecord& record : read_json_records(file, "TheoremQA")) {
    const std::string question = record.text("Question", "TheoremQA");
    const auto picture = record.value.find("Picture");
    if (picture != record.value.end() && !picture->is_null() && *picture != "") {
      ++loaded.left_out;
      continue;
    }
    json fields = {{"question", question}};
    for (const char* name : {"Answer_type", "theorem", "subfield", "field"}) {
      if (record.value.contains(name)) fields[name] = record.value[name];
    }
    loaded.records.push_back({fields, record.id(), {theorem_answer(record)}, {}, record.origin});
  }
  return loaded;
}

DatasetRecords load_truthfulqa(const path& file) {
  DatasetRecords loaded;
  for (const JsonRecord& record : read_csv_or_json(file, "TruthfulQA")) {
    const std::string best = trimmed(record.text("Best Answer", "TruthfulQA"));
    if (best.empty()) fail("{}: the column 'Best Answer' is empty.", record.origin);
    json fields = {{"question", trimmed(record.text("Question", "TruthfulQA"))}};
    for (const char* name : {"Type", "Category", "Correct Answers", "Incorrect Answers"}) {
      if (record.value.contains(name)) fields[name] = record.value[name];
    }
    loaded.records.push_back({fields, record.id(), {best}, {}, record.origin});
  }
  return loaded;
}

DatasetRecords load_coqa(const path& file) {
  constexpr const char* kSet = "CoQA";
  const JsonRecord whole = read_json_object(file, kSet);
  const json& stories = whole.field("data", kSet);
  if (!stories.is_array()) fail("{}: the field 'data' of CoQA must be a list.", whole.origin);
  DatasetRecords loaded;
  for (size_t s = 0; s < stories.size(); ++s) {
    const JsonRecord story{stories[s], fmt::format("{}, story {}", file.string(), s + 1),
                           static_cast<int64_t>(s) + 1};
    if (!story.value.is_object()) fail("{}: a story of CoQA must be an object.", story.origin);
    const json& questions = story.field("questions", kSet);
    const json& answers = story.field("answers", kSet);
    if (!questions.is_array() || !answers.is_array() || questions.size() != answers.size()) {
      fail("{}: 'questions' and 'answers' of CoQA must be lists of the same length.", story.origin);
    }
    for (size_t q = 0; q < questions.size(); ++q) {
      const std::string origin = fmt::format("{}, question {}", story.origin, q + 1);
      const JsonRecord question{questions[q], origin};
      const JsonRecord answer{answers[q], origin};
      if (!question.value.is_object() || !answer.value.is_object()) {
        fail("{}: a question and an answer of CoQA must be objects.", origin);
      }
      loaded.records.push_back(
          {{{"story", story.text("story", kSet)}, {"question", question.text("input_text", kSet)}},
           fmt::format("{}/{}", story.id(), q + 1),
           {answer.text("input_text", kSet)},
           {},
           origin});
    }
  }
  if (loaded.records.empty()) fail("The data set '{}' holds no questions.", file.string());
  return loaded;
}

DatasetRecords load_trec(const path& file) {
  std::string text = read_bytes(file);
  if (!is_utf8(text)) text = latin1_to_utf8(text);
  std::vector<std::string> classes;
  for (const TrecClass& entry : kTrecClasses) classes.emplace_back(entry.name);
  // The published file has no examples to show, so the classes are named instead.
  DatasetRecords loaded{
      .format = fmt::format("Please determine the type of the question below. The types are: "
                            "{}.\n\nQuestion: {{question}}\nType:",
                            fmt::join(classes, ", "))};
  std::istringstream lines(text);
  int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (trim(line).empty()) continue;
    const std::string origin = fmt::format("{}, line {}", file.string(), number);
    const size_t space = line.find(' ');
    const std::string_view label = std::string_view(line).substr(0, space);
    const std::string_view code = label.substr(0, label.find(':'));
    const auto known = std::find_if(kTrecClasses.begin(), kTrecClasses.end(),
                                    [&](const TrecClass& entry) { return entry.code == code; });
    if (space == std::string::npos || known == kTrecClasses.end()) {
      fail("{}: a line of TREC begins with its class, as in 'NUM:dist How far is it?'.", origin);
    }
    loaded.records.push_back(
        {{{"question", trim(std::string_view(line).substr(space))}, {"label", label}},
         std::to_string(number),
         {known->name},
         classes,
         origin});
  }
  return loaded;
}

}  // namespace kvreel::engine
