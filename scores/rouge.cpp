// The union of longest common subsequences over pairs of sentences.
#include "scores/rouge.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "scores/text.h"

namespace kvreel::scores {
namespace {

using Sentence = std::vector<int>;  // words as numbers

// Numbers words, the same word always the same.
class Vocabulary {
 public:
  int number(const std::string& word) {
    return numbers_.emplace(word, static_cast<int>(numbers_.size())).first->second;
  }

 private:
  std::map<std::string, int> numbers_;
};

// The parts between full stops that are not empty. A part of white space only counts as one empty
// word, for so it does in the package: its words come from splitting a cleaned sentence at single
// spaces.
std::vector<Sentence> split_sentences(std::string_view text, Vocabulary& vocabulary) {
  std::vector<Sentence> sentences;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t stop = std::min(text.find('.', begin), text.size());
    if (stop > begin) {
      Sentence sentence;
      for (const std::string& word : split_words(text.substr(begin, stop - begin))) {
        sentence.push_back(vocabulary.number(word));
      }
      if (sentence.empty()) sentence.push_back(vocabulary.number(""));
      sentences.push_back(std::move(sentence));
    }
    begin = stop + 1;
  }
  return sentences;
}

size_t distinct_words(const std::vector<Sentence>& sentences) {
  std::set<int> words;
  for (const Sentence& sentence : sentences) words.insert(sentence.begin(), sentence.end());
  return words.size();
}

// Adds the words of one longest common subsequence to `found`. Of several it is the one that is
// met when walking back from the ends and, at a tie, dropping the candidate's word first; which
// one it is matters because the union over sentences is counted.
void collect_lcs(const Sentence& reference, const Sentence& candidate, std::set<int>& found) {
  const size_t width = candidate.size() + 1;
  std::vector<int> length((reference.size() + 1) * width, 0);
  for (size_t i = 1; i <= reference.size(); ++i) {
    for (size_t j = 1; j < width; ++j) {
      length[i * width + j] =
          reference[i - 1] == candidate[j - 1]
              ? length[(i - 1) * width + j - 1] + 1
              : std::max(length[(i - 1) * width + j], length[i * width + j - 1]);
    }
  }
  for (size_t i = reference.size(), j = candidate.size(); i > 0 && j > 0;) {
    if (reference[i - 1] == candidate[j - 1]) {
      found.insert(reference[--i]);
      --j;
    } else if (length[(i - 1) * width + j] > length[i * width + j - 1]) {
      --i;
    } else {
      --j;
    }
  }
}

}  // namespace

double rouge_l(std::string_view prediction, std::string_view reference) {
  Vocabulary vocabulary;
  const std::vector<Sentence> candidates = split_sentences(prediction, vocabulary);
  const std::vector<Sentence> references = split_sentences(reference, vocabulary);
  if (candidates.empty() || references.empty()) return 0;
  std::set<int> common;
  for (const Sentence& wanted : references) {
    for (const Sentence& candidate : candidates) collect_lcs(wanted, candidate, common);
  }
  const auto count = static_cast<double>(common.size());
  const double recall = count / static_cast<double>(distinct_words(references));
  const double precision = count / static_cast<double>(distinct_words(candidates));
  return 2 * (precision * recall / (precision + recall + 1e-8));
}

}  // namespace kvreel::scores
