// Cuts a text into sentences, takes as many as fit, and puts facts between them.
#include "engine/data/haystack.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <random>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "engine/data/record_text.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;

struct Fact {
  std::string key;    // "silver harbour"
  std::string value;  // "4821937"
  double depth = 0;   // share of the haystack's tokens before it

  std::string sentence() const {
    return fmt::format("The access code of the {} is {}.", key, value);
  }
};

constexpr std::array kFirstWords = {"silver", "quiet",  "amber", "northern", "hollow", "crimson",
                                    "early",  "marble", "rapid", "distant",  "golden", "narrow"};
constexpr std::array kSecondWords = {"harbour", "garden",  "engine",  "library",
                                     "bridge",  "lantern", "orchard", "valley",
                                     "theatre", "station", "island",  "workshop"};

// What is larger is a slip of the finger.
constexpr int64_t kMostCount = 10'000'000;
constexpr int64_t kMostPrompts = 100'000;

// Sentences by which a context may be longer than the sum of its sentences' tokens suggests.
constexpr size_t kMostBeyondEstimate = 64;

std::vector<std::string> split_sentences(std::string_view text) {
  std::vector<std::string> sentences;
  std::string sentence;
  const auto finish = [&] {
    if (!trim(sentence).empty()) sentences.emplace_back(trim(sentence));
    sentence.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const bool space = text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r';
    const bool after_end = !sentence.empty() && (sentence.back() == '.' || sentence.back() == '!' ||
                                                 sentence.back() == '?');
    if (space && after_end) {
      finish();
    } else if (space) {
      if (!sentence.empty() && sentence.back() != ' ') sentence += ' ';
    } else {
      sentence += text[i];
    }
  }
  finish();
  return sentences;
}

int64_t parse_count(std::string_view key, std::string_view text, int64_t least) {
  int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || value < least ||
      value > kMostCount) {
    fail_usage("--dataset: {}={} must be a whole number from {} to {}.", key, text, least,
               kMostCount);
  }
  return value;
}

std::vector<double> parse_depths(std::string_view text) {
  std::vector<double> depths;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('+', begin), text.size());
    std::string_view part = text.substr(begin, end - begin);
    const bool percent = part.ends_with('%');
    if (percent) part.remove_suffix(1);
    double value = 0;
    const auto result = std::from_chars(part.data(), part.data() + part.size(), value);
    if (percent) value /= 100;
    if (result.ec != std::errc() || result.ptr != part.data() + part.size() ||
        !(value >= 0 && value <= 1)) {
      fail_usage("--dataset: depths={} must be shares from 0% to 100% with '+' between them.",
                 text);
    }
    depths.push_back(value);
    begin = end + 1;
  }
  return depths;
}

// Draws that are the same on every machine.
class Draw {
 public:
  Draw(uint64_t seed, size_t prompt) {
    std::seed_seq mix{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                      static_cast<uint32_t>(prompt)};
    engine_.seed(mix);
  }
  size_t below(size_t n) { return engine_() % n; }
  double share() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

 private:
  std::mt19937_64 engine_;
};

// Different keys and different codes.
std::vector<Fact> draw_facts(Draw& draw, size_t count) {
  std::vector<Fact> facts;
  std::set<std::string> used;
  while (facts.size() < count) {
    Fact fact;
    fact.key = fmt::format("{} {}", kFirstWords[draw.below(kFirstWords.size())],
                           kSecondWords[draw.below(kSecondWords.size())]);
    fact.value = std::to_string(1'000'000 + draw.below(9'000'000));
    if (used.insert(fact.key).second && used.insert(fact.value).second) facts.push_back(fact);
  }
  return facts;
}

struct Haystack {
  const std::vector<std::string>& sentences;  // of the text
  const std::vector<int64_t>& tokens;         // [sentences], of each with a space before it
};

// `taken` sentences from `start` on, round and round, with each fact before the sentence where its
// depth is reached.
std::string context_of(const Haystack& hay, size_t start, size_t taken, std::vector<Fact> facts) {
  std::stable_sort(facts.begin(), facts.end(),
                   [](const Fact& a, const Fact& b) { return a.depth < b.depth; });
  int64_t total = 0;
  for (size_t i = 0; i < taken; ++i) total += hay.tokens[(start + i) % hay.tokens.size()];
  std::vector<std::string> parts;
  int64_t before = 0;
  size_t next = 0;
  const auto place_facts = [&](bool all) {
    while (next < facts.size() &&
           (all || static_cast<double>(before) >= facts[next].depth * static_cast<double>(total))) {
      parts.push_back(facts[next++].sentence());
    }
  };
  for (size_t i = 0; i < taken; ++i) {
    place_facts(false);
    const size_t at = (start + i) % hay.sentences.size();
    parts.push_back(hay.sentences[at]);
    before += hay.tokens[at];
  }
  place_facts(true);
  return fmt::format("{}", fmt::join(parts, " "));
}

// "the amber valley, the rapid station and the quiet island"
std::string listed(const std::vector<Fact>& facts, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += fmt::format("{}the {}", i == 0 ? "" : i + 1 == count ? " and " : ", ", facts[i].key);
  }
  return text;
}

}  // namespace

HaystackOptions parse_haystack_options(std::string_view text, bool ruler) {
  HaystackOptions options;
  if (ruler) options.count = 10;
  const std::vector<std::string> known =
      ruler ? std::vector<std::string>{"context", "count", "keys", "queries"}
            : std::vector<std::string>{"context", "count", "depths"};
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view part = text.substr(begin, end - begin);
    const size_t equals = std::min(part.find('='), part.size());
    const std::string_view key = part.substr(0, equals);
    const std::string_view value = part.substr(std::min(equals + 1, part.size()));
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      fail_usage("--dataset {}: there is no option '{}'.{}", ruler ? "ruler" : "needle", key,
                 suggest_name(key, known));
    }
    if (key == "context") options.context = parse_count(key, value, 1);
    if (key == "count") options.count = parse_count(key, value, 1);
    if (key == "keys") options.keys = parse_count(key, value, 1);
    if (key == "queries") options.queries = parse_count(key, value, 1);
    if (key == "depths") options.depths = parse_depths(value);
    begin = end + 1;
  }
  constexpr auto kMostKeys = static_cast<int64_t>(kFirstWords.size() * kSecondWords.size()) / 2;
  if (options.keys > kMostKeys) fail_usage("--dataset: keys can be {} at most.", kMostKeys);
  if (options.queries > options.keys) {
    fail_usage("--dataset: queries={} asks for more facts than keys={} hides.", options.queries,
               options.keys);
  }
  const auto depths = ruler ? int64_t{1} : static_cast<int64_t>(options.depths.size());
  if (options.count * depths > kMostPrompts) {
    fail_usage("--dataset: count={} makes {} prompts, above the {} that can be made; give less.",
               options.count, options.count * depths, kMostPrompts);
  }
  return options;
}

DatasetRecords make_haystack(std::string_view text, const std::string& origin, bool ruler,
                             const HaystackOptions& options, const std::string& format,
                             uint64_t seed, const CountTokens& count_tokens) {
  const std::vector<std::string> sentences = split_sentences(text);
  if (sentences.empty()) fail("'{}' holds no sentences to hide facts in.", origin);
  const int64_t nothing = count_tokens("");
  std::vector<int64_t> tokens;
  for (const std::string& sentence : sentences) {
    tokens.push_back(std::max<int64_t>(count_tokens(" " + sentence) - nothing, 1));
  }
  const Haystack hay{sentences, tokens};

  const size_t prompts = static_cast<size_t>(options.count) * (ruler ? 1 : options.depths.size());
  const auto asked = static_cast<size_t>(ruler ? options.queries : 1);
  DatasetRecords made;
  for (size_t p = 0; p < prompts; ++p) {
    Draw draw(seed, p);
    std::vector<Fact> facts = draw_facts(draw, static_cast<size_t>(ruler ? options.keys : 1));
    for (Fact& fact : facts) {
      fact.depth = ruler ? draw.share() : options.depths[p / static_cast<size_t>(options.count)];
    }
    const size_t start = draw.below(sentences.size());
    const auto fields_with = [&](size_t taken) {
      json fields = {{"context", context_of(hay, start, taken, facts)}};
      if (ruler) {
        fields["keys"] = listed(facts, asked);
      } else {
        fields["key"] = facts[0].key;
        fields["depth"] = facts[0].depth;
      }
      return fields;
    };
    const auto prompt_tokens = [&](size_t taken) {
      return count_tokens(fill_template(format, fields_with(taken), origin));
    };
    // Tokens of sentences add up but for a few at their seams: an estimate, then the exact count.
    const int64_t bare = prompt_tokens(0);
    size_t taken = 0;
    for (int64_t sum = bare; sum + tokens[(start + taken) % tokens.size()] <= options.context;) {
      sum += tokens[(start + taken++) % tokens.size()];
    }
    while (taken > 0 && prompt_tokens(taken) > options.context) --taken;
    // Longer than twice the estimate: what is added adds no tokens, and never will.
    const size_t most = 2 * taken + kMostBeyondEstimate;
    while (prompt_tokens(taken + 1) <= options.context) {
      if (++taken <= most) continue;
      fail(
          "--dataset: sentences of '{}' do not make the prompt longer; write {{context}} into "
          "--template, or use a model whose tokenizer knows the text's characters.",
          origin);
    }
    if (taken == 0) {
      fail(
          "--dataset: context={} leaves no room for a sentence of '{}': the prompt without it has "
          "{} tokens.",
          options.context, origin, bare);
    }
    std::vector<std::string> answers;
    for (size_t i = 0; i < asked; ++i) answers.push_back(facts[i].value);
    made.records.push_back({fields_with(taken),
                            std::to_string(p + 1),
                            answers,
                            {},
                            fmt::format("{}, prompt {}", origin, p + 1)});
  }
  return made;
}

}  // namespace kvreel::engine
