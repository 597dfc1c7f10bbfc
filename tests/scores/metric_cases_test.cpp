// Scores equal those that unit tests of four public repositories state for LongBench's metrics.
//
// The cases are not part of the project (see README, Tests).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "scores/metrics.h"
#include "scores/qa.h"
#include "scores/text.h"

namespace kvreel::scores {
namespace {

using nlohmann::json;

TEST(MetricCases, ScoresEqualThePublishedOnes) {
  const char* const assets = std::getenv("KVREEL_TEST_ASSETS");
  if (!assets) GTEST_SKIP() << "KVREEL_TEST_ASSETS is not set to the directory of test assets";
  const auto path = std::filesystem::path(assets) / "datasets" / "metric_cases.json";
  std::ifstream file(path);
  ASSERT_TRUE(file) << path << " is missing";
  const json cases = json::parse(file);
  const std::map<std::string, std::string> names = {{"qa_f1_score", "token-f1"},
                                                    {"rouge_score", "rouge-l"},
                                                    {"classification_score", "classification"},
                                                    {"retrieval_score", "retrieval"},
                                                    {"retrieval_zh_score", "retrieval"},
                                                    {"count_score", "count"},
                                                    {"code_sim_score", "edit-similarity"}};
  // LongBench cuts these sets' answers before it scores them.
  const std::set<std::string> cut = {"trec", "triviaqa", "samsum", "lsht"};
  int checked = 0;
  for (const json& c : cases.at("scores")) {
    const std::string prediction = c.at("prediction");
    const bool first = c.at("dataset").is_string() && cut.contains(c.at("dataset"));
    std::vector<std::string> classes;
    if (c.at("all_classes").is_array()) classes = c.at("all_classes");
    const double value =
        score(names.at(c.at("metric")), first ? first_line(prediction) : prediction,
              c.at("ground_truths").get<std::vector<std::string>>(), classes);
    EXPECT_NEAR(value, c.at("expected").get<double>(), c.at("tol").get<double>()) << c.dump(1);
    ++checked;
  }
  EXPECT_EQ(checked, 61);
  for (const json& c : cases.at("normalize_answer")) {
    EXPECT_EQ(normalize_answer(c.at("input").get<std::string>()), c.at("expected"));
  }
}

}  // namespace
}  // namespace kvreel::scores
