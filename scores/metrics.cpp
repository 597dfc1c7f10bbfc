// The table of metrics.
#include "scores/metrics.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "scores/answers.h"
#include "scores/bleu.h"
#include "scores/edit.h"
#include "scores/qa.h"
#include "scores/rouge.h"

namespace kvreel::scores {
namespace {

using OneReference = double (*)(std::string_view prediction, std::string_view reference);

struct Entry {
  Metric metric;
  OneReference function;  // null: sees all references, or the classes
};

const std::vector<Entry>& table() {
  static const std::vector<Entry> entries = {
      {{"token-f1", "F1 of the words, case, punctuation and articles aside (SQuAD, LongBench)"},
       token_f1},
      {{"rouge-l", "F of the longest common subsequence (LongBench's rouge)"}, rouge_l},
      {{"exact-match", "the same text but for white space around it"}, exact_match},
      {{"exact-match-qa", "the same words, case, punctuation and articles aside"},
       normalized_exact_match},
      {{"number", "the last number after the last #### or colon (GSM8K)"}, number_match},
      {{"theorem", "number, list, truth or text after the last 'answer' (TheoremQA)"},
       theorem_match},
      {{"choice", "the letter that the text chooses (GPQA)"}, choice_match},
      {{"classification", "the class that the text names (LongBench)"}, nullptr},
      {{"edit-similarity", "the first line of code, by matching characters (LongBench)"},
       edit_similarity},
      {{"bleu", "BLEU-4 of the text as one sentence (sacreBLEU: 13a, exp, effective order)"}, bleu},
      {{"count", "share of the text's numbers that are right (LongBench)"}, count_score},
      {{"retrieval", "share of the text's numbers that name the paragraph (LongBench)"},
       retrieval_score},
      {{"contained", "share of the references that the text contains (RULER)"}, nullptr}};
  return entries;
}

const Entry& find(std::string_view name) {
  const auto found = std::find_if(table().begin(), table().end(),
                                  [&](const Entry& entry) { return entry.metric.name == name; });
  if (found != table().end()) return *found;
  std::vector<std::string> names;
  for (const Entry& entry : table()) names.push_back(entry.metric.name);
  fail_usage("There is no metric '{}'.{}", name, suggest_name(name, names));
}

}  // namespace

std::span<const Metric> known_metrics() {
  static const std::vector<Metric> metrics = [] {
    std::vector<Metric> all;
    for (const Entry& entry : table()) all.push_back(entry.metric);
    return all;
  }();
  return metrics;
}

void require_metric(std::string_view name) {
  find(name);
}

double score(std::string_view metric, std::string_view prediction,
             std::span<const std::string> references, std::span<const std::string> all_classes) {
  const Entry& entry = find(metric);
  if (entry.metric.name == "contained") return contained_share(prediction, references);
  double best = 0;
  for (const std::string& reference : references) {
    const double value = entry.function ? entry.function(prediction, reference)
                                        : classification_score(prediction, reference, all_classes);
    best = std::max(best, value);
  }
  return best;
}

}  // namespace kvreel::scores
