// Data sets: the table, CSV, prompts made from texts, and scoring of a generated answer.
#include "engine/data/datasets.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "engine/data/csv.h"
#include "engine/data/record_text.h"
#include "engine/generate/scoring.h"
#include "scores/metrics.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// One token for each word and each full stop.
int64_t count_words(std::string_view text) {
  int64_t count = 1;  // a special token
  bool inside = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n';
    if (c == '.') ++count;
    if (!space && !inside) ++count;
    inside = !space;
  }
  return count;
}

TEST(Csv, QuotedFieldsHoldCommasQuotesAndLines) {
  const std::vector<CsvRow> rows = parse_csv("a,b\r\n\"x, \"\"y\"\"\",\"1\n2\"\r\n\n,\n", "t.csv");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].fields, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(rows[1].fields, (std::vector<std::string>{"x, \"y\"", "1\n2"}));
  EXPECT_EQ(rows[1].line, 2);
  EXPECT_EQ(rows[2].fields, (std::vector<std::string>{"", ""}));
  EXPECT_EQ(rows[2].line, 5);
}

TEST(Csv, BrokenQuotesAreRefusedWithTheirLine) {
  EXPECT_EQ(message_of([] { parse_csv("a\nb,\"c\nd\n", "t.csv"); }),
            "t.csv, line 2: a quote opens here and is never closed; the file may have been cut.");
  EXPECT_EQ(message_of([] { parse_csv("a\n\"b\"c\n", "t.csv"); }),
            "t.csv, line 2: text follows a closing quote; a quote inside a field that is quoted is "
            "written twice (\"\").");
}

TEST(DatasetTable, EverySetHasAKnownMetricATemplateAndALength) {
  std::set<std::string> names;
  for (const DatasetPreset& preset : dataset_presets()) {
    EXPECT_TRUE(names.insert(preset.name).second) << preset.name << " is there twice";
    EXPECT_GT(preset.max_new_tokens, 0) << preset.name;
    EXPECT_FALSE(preset.metrics.empty()) << preset.name;
    EXPECT_NE(preset.format.find('{'), std::string::npos) << preset.name;
    for (const std::string& metric : preset.metrics)
      EXPECT_NO_THROW(scores::require_metric(metric));
  }
  for (const char* name :
       {"gsm8k", "gpqa", "theoremqa", "truthfulqa", "coqa", "narrativeqa", "qasper", "2wikimqa",
        "musique", "qmsum", "multi_news", "triviaqa", "lcc"}) {
    EXPECT_TRUE(names.contains(name)) << name << " of the ReFreeKV paper is missing";
  }
}

TEST(DatasetTable, LongBenchPromptsAndLengthsAreThePublishedOnes) {
  const char* const assets = std::getenv("KVREEL_TEST_ASSETS");
  if (!assets) GTEST_SKIP() << "KVREEL_TEST_ASSETS is not set to the directory of test assets";
  const auto directory = std::filesystem::path(assets) / "datasets";
  std::ifstream prompts_file(directory / "dataset2prompt.json");
  std::ifstream lengths_file(directory / "dataset2maxlen.json");
  const json prompts = json::parse(prompts_file);
  const json lengths = json::parse(lengths_file);
  int known = 0;
  for (const DatasetPreset& preset : dataset_presets()) {
    if (!prompts.contains(preset.name)) continue;
    ++known;
    EXPECT_EQ(preset.format, prompts[preset.name]) << preset.name;
    const int64_t length =
        preset.longbench_tokens > 0 ? preset.longbench_tokens : preset.max_new_tokens;
    EXPECT_EQ(length, lengths[preset.name]) << preset.name;
  }
  EXPECT_EQ(known, 18) << "all but the three that need a Chinese segmenter";
}

TEST(DatasetSpec, NamesAndOptions) {
  const DatasetSpec plain = parse_dataset_spec("gsm8k:a,b:c=d.jsonl");
  EXPECT_EQ(plain.path, "a,b:c=d.jsonl");
  const DatasetSpec needle = parse_dataset_spec("needle:my,text.txt,context=64,depths=0%+100%");
  EXPECT_EQ(needle.path, "my,text.txt");
  EXPECT_EQ(needle.options, "context=64,depths=0%+100%");
  EXPECT_EQ(message_of([] { parse_dataset_spec("gsm8:x"); }),
            "There is no data set 'gsm8'. Did you mean 'gsm8k'? See kvreel record "
            "--list-datasets.");
  EXPECT_EQ(message_of([] { parse_dataset_spec("gsm8k"); }),
            "--dataset 'gsm8k' is not NAME:FILE, as in gsm8k:test.jsonl.");
  EXPECT_NE(message_of([] { parse_dataset_spec("dureader:x"); }).find("segmenter"),
            std::string::npos);
}

TEST(Haystack, OptionsAreChecked) {
  const HaystackOptions options = parse_haystack_options("depths=0%+0.5+100%,count=3", false);
  EXPECT_EQ(options.depths, (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(options.count, 3);
  EXPECT_EQ(parse_haystack_options("", true).count, 10);
  EXPECT_EQ(message_of([] { parse_haystack_options("depth=50%", false); }),
            "--dataset needle: there is no option 'depth'. Did you mean 'depths'?");
  EXPECT_EQ(message_of([] { parse_haystack_options("context=0", false); }),
            "--dataset: context=0 must be a whole number from 1 to 10000000.");
  EXPECT_EQ(message_of([] { parse_haystack_options("depths=50%+120%", false); }),
            "--dataset: depths=50%+120% must be shares from 0% to 100% with '+' between them.");
  EXPECT_EQ(message_of([] { parse_haystack_options("keys=2,queries=3", true); }),
            "--dataset: queries=3 asks for more facts than keys=2 hides.");
  EXPECT_EQ(message_of([] { parse_haystack_options("count=50000,depths=0%+50%+100%", false); }),
            "--dataset: count=50000 makes 150000 prompts, above the 100000 that can be made; give "
            "less.");
}

std::string numbered_sentences(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += fmt::format("Sentence {} is here.\n", i);
  return text;
}

TEST(Haystack, PromptsFillTheContextAndNoMore) {
  const std::string format = "Read.\n{context}\nWhere is {key}?";
  const std::string text = numbered_sentences(30);  // 5 tokens each
  HaystackOptions options{.context = 100, .depths = {0, 0.5, 1}, .count = 2};
  const DatasetRecords made = make_haystack(text, "t.txt", false, options, format, 7, count_words);
  ASSERT_EQ(made.records.size(), 6u);
  for (size_t p = 0; p < made.records.size(); ++p) {
    const DatasetRecord& record = made.records[p];
    const std::string prompt = fill_template(format, record.fields, record.origin);
    EXPECT_LE(count_words(prompt), 100);
    EXPECT_GT(count_words(prompt) + 5, 100) << "one more sentence would have fitted";
    const std::string context = record.fields["context"];
    ASSERT_EQ(record.answers.size(), 1u);
    const size_t at = context.find("The access code of the");
    ASSERT_NE(at, std::string::npos);
    EXPECT_NE(context.find(record.answers[0] + ".", at), std::string::npos);
    const double depth = static_cast<double>(at) / static_cast<double>(context.size());
    const double wanted = options.depths[p / 2];
    EXPECT_EQ(record.fields["depth"], wanted);
    if (wanted == 0) {
      EXPECT_EQ(at, 0u);
    } else if (wanted == 0.5) {
      EXPECT_NEAR(depth, 0.5, 0.1) << "a sentence more or less";
    } else {
      EXPECT_TRUE(context.ends_with(record.answers[0] + "."));
    }
  }
}

TEST(Haystack, TheSameSeedMakesTheSamePromptsAndAnotherSeedOthers) {
  const std::string text = numbered_sentences(5);  // shorter than the context: repeated
  HaystackOptions options{.context = 120, .count = 3, .keys = 4, .queries = 2};
  const auto make = [&](uint64_t seed) {
    json all = json::array();
    const DatasetRecords made =
        make_haystack(text, "t.txt", true, options, "{context} {keys}", seed, count_words);
    for (const DatasetRecord& record : made.records) {
      EXPECT_EQ(record.answers.size(), 2u);
      const std::string context = record.fields["context"];
      size_t facts = 0;
      for (size_t at = context.find("access code"); at != std::string::npos;
           at = context.find("access code", at + 1)) {
        ++facts;
      }
      EXPECT_EQ(facts, 4u);
      all.push_back(record.fields);
    }
    return all;
  };
  EXPECT_EQ(make(1), make(1));
  EXPECT_NE(make(1), make(2));
  EXPECT_NE(make(1)[0], make(1)[1]);
}

TEST(Haystack, AContextWithoutRoomIsRefused) {
  HaystackOptions options{.context = 10};
  EXPECT_EQ(message_of([&] {
              make_haystack("Some words are here.", "t.txt", false, options, "{context} {key}", 0,
                            count_words);
            }),
            "--dataset: context=10 leaves no room for a sentence of 't.txt': the prompt without it "
            "has 13 tokens.");
}

TEST(Haystack, ATemplateThatDoesNotGrowWithItsContextIsRefused) {
  HaystackOptions options{.context = 100};
  EXPECT_EQ(message_of([&] {
              make_haystack("Some words are here.", "t.txt", false, options, "Where is {key}?", 0,
                            count_words);
            }),
            "--dataset: sentences of 't.txt' do not make the prompt longer; write {context} into "
            "--template, or use a model whose tokenizer knows the text's characters.");
}

TEST(Scoring, EveryMetricOfTheSampleSeesThePartThatCounts) {
  Sample sample{.id = "1", .answers = {"Rome", "the city of Rome"}};
  EXPECT_TRUE(score_text("Rome", sample).empty()) << "no metrics";
  sample.metrics = {"exact-match", "token-f1"};
  std::vector<Score> scores = score_text("\nRome\nQ: next", sample);
  ASSERT_EQ(scores.size(), 2u);
  EXPECT_EQ(scores[0].metric, "exact-match");
  EXPECT_EQ(scores[0].value, 0);
  EXPECT_DOUBLE_EQ(scores[1].value, 0.5) << "one of three words, of one: 2 * 1/3 / (4/3)";
  sample.score_first_line = true;
  scores = score_text("\nRome\nQ: next", sample);
  EXPECT_EQ(scores[0].value, 1);
  EXPECT_EQ(scores[1].value, 1);
  sample.answers.clear();
  EXPECT_TRUE(score_text("Rome", sample).empty()) << "nothing to compare with";
}

}  // namespace
}  // namespace kvreel::engine
