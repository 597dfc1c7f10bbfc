// What the tokenizer refuses: files that are broken, contradict themselves, or describe what kvreel
// does not implement.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "engine/temp_model.h"
#include "engine/tokenizer/tokenizer.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;
using test::contains;
using test::error_of;
using test::TempDirectory;

// A small tokenizer that loads.
json tokenizer_document() {
  return {{"version", "1.0"},
          {"added_tokens", json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", nullptr},
          {"post_processor", nullptr},
          {"decoder", nullptr},
          {"model",
           {{"type", "BPE"},
            {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}, {"abb", 3}}},
            {"merges", {"a b", "ab b"}}}}};
}

json added_token(int64_t id, const std::string& content) {
  return {{"id", id},        {"content", content}, {"special", true},    {"single_word", false},
          {"lstrip", false}, {"rstrip", false},    {"normalized", false}};
}

std::string load_error(const std::string& bytes) {
  const TempDirectory directory;
  directory.write("tokenizer.json", bytes);
  const std::string message = error_of([&] { Tokenizer::load(directory.path()); });
  EXPECT_TRUE(contains(message, {(directory / "tokenizer.json").string()}));
  return message;
}

// The error for the small tokenizer with `value` at a JSON pointer.
std::string error_with(const std::string& pointer, const json& value) {
  json document = tokenizer_document();
  document[json::json_pointer(pointer)] = value;
  return load_error(document.dump());
}

std::string error_without(const std::string& parent, const std::string& key) {
  json document = tokenizer_document();
  document[json::json_pointer(parent)].erase(key);
  return load_error(document.dump());
}

json split(const std::string& regex) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", regex}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

TEST(TokenizerErrors, TheSmallTokenizerItselfLoads) {
  const TempDirectory directory;
  directory.write("tokenizer.json", tokenizer_document());
  const Tokenizer tokenizer = Tokenizer::load(directory.path());
  EXPECT_EQ(tokenizer.encode("abbab", true), (std::vector<int32_t>{3, 2}));
}

TEST(TokenizerErrors, NameAMissingFile) {
  const TempDirectory directory;
  EXPECT_TRUE(contains(error_of([&] { Tokenizer::load(directory.path()); }),
                       {(directory / "tokenizer.json").string(), "No such file"}));
}

TEST(TokenizerErrors, NameThePlaceWhereATruncatedFileEnds) {
  const std::string whole = tokenizer_document().dump();
  for (size_t length = 0; length < whole.size(); length += 7) {  // the empty file too
    EXPECT_TRUE(contains(load_error(whole.substr(0, length)),
                         {"not valid JSON: line 1, column",
                          length == 0 ? "there is nothing in it" : "it ends too early"}));
  }
  EXPECT_TRUE(contains(load_error("[1, 2]"), {"no JSON object"}));
}

TEST(TokenizerErrors, NameAMissingKey) {
  EXPECT_TRUE(contains(error_without("", "model"), {"key 'model' is missing"}));
  EXPECT_TRUE(contains(error_without("/model", "vocab"), {"key 'model.vocab' is missing"}));
  EXPECT_TRUE(contains(error_without("/model", "merges"), {"key 'model.merges' is missing"}));
}

TEST(TokenizerErrors, NameAModelOfAnotherType) {
  for (const std::string type : {"WordPiece", "Unigram", "WordLevel"}) {
    EXPECT_TRUE(contains(error_with("/model/type", type), {"'model.type'", type, "\"BPE\""}));
  }
  EXPECT_TRUE(contains(error_with("/model", 7), {"'model'", "7", "object"}));
}

TEST(TokenizerErrors, NameOptionsThatChangeTheEncoding) {
  EXPECT_TRUE(contains(error_with("/model/dropout", 0.1), {"'model.dropout'", "0.1"}));
  EXPECT_TRUE(contains(error_with("/model/continuing_subword_prefix", "##"),
                       {"'model.continuing_subword_prefix'", "##"}));
  EXPECT_TRUE(contains(error_with("/model/end_of_word_suffix", "</w>"),
                       {"'model.end_of_word_suffix'", "</w>"}));
  EXPECT_TRUE(contains(error_with("/model/byte_fallback", "yes"),
                       {"'model.byte_fallback'", "true or false"}));
  EXPECT_TRUE(contains(error_with("/version", "2.0"), {"'version'", "2.0"}));
}

TEST(TokenizerErrors, NameATokenOfAMergeThatTheVocabularyLacks) {
  EXPECT_TRUE(contains(error_with("/model/merges/1", "a z"),
                       {"model.merges[1]", "'z'", "not in model.vocab"}));
  EXPECT_TRUE(contains(error_with("/model/merges/1", "b a"),
                       {"model.merges[1]", "'ba'", "not in model.vocab"}));
  EXPECT_TRUE(
      contains(error_with("/model/merges/0", json::array({"z", "b"})), {"model.merges[0]", "'z'"}));
}

TEST(TokenizerErrors, NameAMergeThatIsNoPair) {
  for (const json& merge :
       {json("ab"), json("a b b"), json(3), json::array({"a"}), json::array({"a", 1}), json()}) {
    EXPECT_TRUE(contains(error_with("/model/merges/0", merge), {"model.merges[0]", "expected"}))
        << merge;
  }
  EXPECT_TRUE(contains(error_with("/model/merges", "a b"), {"model.merges", "list"}));
}

TEST(TokenizerErrors, NameIdsThatAreNoIds) {
  for (const json& id :
       {json(-1), json(16777216), json(4294967295), json(1e300), json(1.5), json("3"), json()}) {
    EXPECT_TRUE(
        contains(error_with("/model/vocab/abb", id), {"'model.vocab.abb'", "from 0 to 16777215"}))
        << id;
  }
  EXPECT_TRUE(
      contains(error_with("/model/vocab/abb", 18446744073709551615u), {"'model.vocab.abb'"}));
}

TEST(TokenizerErrors, NameAnIdThatTwoTokensHave) {
  EXPECT_TRUE(contains(error_with("/model/vocab/abb", 1), {"same id", "unique"}));
}

// The highest id that is allowed must cost memory for the tokens that exist, not for the ids below
// it.
TEST(TokenizerErrors, AHugeIdCostsNoMemory) {
  json document = tokenizer_document();
  document["model"]["vocab"]["abb"] = 16777215;
  const TempDirectory directory;
  directory.write("tokenizer.json", document);
  const Tokenizer tokenizer = Tokenizer::load(directory.path());
  EXPECT_EQ(tokenizer.vocab_size(), 16777216);
  EXPECT_EQ(tokenizer.encode("abb", false), std::vector<int32_t>{16777215});
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{16777215, 16777214}, false), "abb");
}

TEST(TokenizerErrors, NameAddedTokensThatContradictTheVocabulary) {
  const auto error = [](const json& tokens) { return error_with("/added_tokens", tokens); };
  EXPECT_TRUE(contains(error(json::array({added_token(1, "<s>")})),
                       {"added_tokens[0].id", "must have the id 4"}));
  EXPECT_TRUE(contains(error(json::array({added_token(9, "<s>")})),
                       {"added_tokens[0].id", "must have the id 4"}));
  EXPECT_TRUE(contains(error(json::array({added_token(4, "a")})),
                       {"added_tokens[0].id", "must have the id 0"}));
  EXPECT_TRUE(contains(error(json::array({added_token(-4, "<s>")})), {"added_tokens[0].id", "-4"}));
  EXPECT_TRUE(contains(error(json::array({added_token(int64_t{1} << 40, "<s>")})),
                       {"added_tokens[0].id", "from 0 to"}));
  EXPECT_TRUE(contains(error({added_token(4, "<s>"), added_token(4, "</s>")}),
                       {"added_tokens[1].id", "must have the id 5"}));
  EXPECT_TRUE(contains(error({added_token(0, "a"), added_token(0, "a")}),
                       {"added_tokens[1]", "listed twice"}));
  EXPECT_TRUE(contains(error(json::array({added_token(4, "")})),
                       {"added_tokens[0].content", "1 to 4096 bytes"}));
  EXPECT_TRUE(contains(error(json::array({added_token(4, std::string(5000, 'x'))})),
                       {"added_tokens[0].content"}));
  EXPECT_TRUE(
      contains(error({{{"id", 4}, {"content", "x"}}}), {"added_tokens[0].special", "missing"}));
  EXPECT_TRUE(contains(error("<s>"), {"added_tokens", "list"}));
}

TEST(TokenizerErrors, NamePartsOfAnotherType) {
  for (const std::string key : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    const std::string path = "/" + key;
    EXPECT_TRUE(contains(error_with(path, {{"type", "BertSomething"}}),
                         {"'" + key + "'", "BertSomething", "supports"}));
    EXPECT_TRUE(contains(error_with(path, {{"kind", "NFC"}}), {"'" + key + "'", "'type'"}));
    EXPECT_TRUE(contains(error_with(path, "NFC"), {"'" + key + "'", "'type'"}));
  }
  EXPECT_TRUE(contains(
      error_with("/normalizer", {{"type", "Sequence"}, {"normalizers", {{{"type", "NFKC"}}}}}),
      {"normalizer.normalizers[0]", "NFKC"}));
  EXPECT_TRUE(
      contains(error_with("/normalizer",
                          {{"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", "x"}}),
               {"normalizer.pattern.String", "not empty"}));
}

TEST(TokenizerErrors, NameDetailsOfAPreTokenizer) {
  json wrong = split("x");
  wrong["behavior"] = "Sometimes";
  EXPECT_TRUE(contains(error_with("/pre_tokenizer", wrong),
                       {"pre_tokenizer.behavior", "Sometimes", "Isolated"}));
  wrong = split("x");
  wrong.erase("invert");
  EXPECT_TRUE(contains(error_with("/pre_tokenizer", wrong), {"pre_tokenizer.invert", "missing"}));
  EXPECT_TRUE(contains(error_with("/pre_tokenizer", {{"type", "ByteLevel"}}),
                       {"pre_tokenizer.add_prefix_space"}));
  EXPECT_TRUE(contains(error_with("/pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "ab"}}),
                       {"pre_tokenizer.replacement", "one character"}));
  EXPECT_TRUE(contains(
      error_with("/pre_tokenizer",
                 {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "last"}}),
      {"pre_tokenizer.prepend_scheme", "last"}));
  EXPECT_TRUE(contains(
      error_with("/pre_tokenizer",
                 {{"type", "Metaspace"}, {"replacement", "_"}, {"add_prefix_space", false}}),
      {"pre_tokenizer.add_prefix_space", "contradicts"}));
}

TEST(TokenizerErrors, NameAPatternThatIsMalformedOrReadDifferently) {
  for (const std::string regex : {"(", ")", "[", "a)", "*", "[]", "[z-a]", "(?<!a*)b", "x{2,1}"}) {
    EXPECT_TRUE(
        contains(error_with("/pre_tokenizer", split(regex)), {"pre_tokenizer.pattern.Regex"}))
        << regex;
  }
  // Oniguruma and PCRE2 disagree on each of these.
  for (const std::string regex :
       {"\\w+", "\\h", "\\bx", "(?i)x", "(?m:.)", "a{,3}", "a{2}+", "[a&&b]", "[[:alpha:]]", "\\v",
        "(?i:ss)", "(?i:\xC3\xA9)", "\\p{Greek_Extended}", "\\p{Cn}", "a\\1", "(?#c)x"}) {
    EXPECT_TRUE(contains(error_with("/pre_tokenizer", split(regex)),
                         {"pre_tokenizer.pattern.Regex", "not support"}))
        << regex;
  }
  EXPECT_TRUE(contains(error_with("/pre_tokenizer", split("a*")),
                       {"pre_tokenizer.pattern.Regex", "empty text"}));
  EXPECT_TRUE(contains(
      error_with("/pre_tokenizer", split(std::string(60, '(') + "a" + std::string(60, ')'))),
      {"pre_tokenizer.pattern.Regex", "nested"}));
}

TEST(TokenizerErrors, StopAPatternThatTakesExponentialTime) {
  json document = tokenizer_document();
  document["pre_tokenizer"] = split("(?:a+)+b(?=c)");
  const TempDirectory directory;
  directory.write("tokenizer.json", document);
  const Tokenizer tokenizer = Tokenizer::load(directory.path());
  EXPECT_TRUE(contains(error_of([&] { tokenizer.encode(std::string(64, 'a') + "b", false); }),
                       {"tokenizer.json", "pre_tokenizer.pattern.Regex", "match limit"}));
}

TEST(TokenizerErrors, StopAPatternThatTakesLongAtEveryPlace) {
  json document = tokenizer_document();
  // Each place takes some ten thousand steps, few enough for one match, and there are many places.
  document["pre_tokenizer"] = split("a(?=(?:b|c)*(?:b|c)*(?:b|c)*d)|a");
  const TempDirectory directory;
  directory.write("tokenizer.json", document);
  const Tokenizer tokenizer = Tokenizer::load(directory.path());
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "a" + std::string(60, 'b');
  EXPECT_TRUE(contains(error_of([&] { tokenizer.encode(text, false); }),
                       {"pre_tokenizer.pattern.Regex", "match limit"}));
  // One such place is nothing unusual.
  EXPECT_FALSE(tokenizer.encode("a" + std::string(60, 'b'), false).empty());
}

TEST(TokenizerErrors, RefuseStepsThatMultiplyAText) {
  const auto repeated = [](const char* list, const json& step, int times) {
    json steps = json::array();
    for (int i = 0; i < times; ++i) steps.push_back(step);
    return json{{"type", "Sequence"}, {list, steps}};
  };
  const json doubling = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}};
  const json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  EXPECT_TRUE(contains(error_with("/normalizer", repeated("normalizers", doubling, 7)),
                       {"normalizer.normalizers[6]", "more than 64 times as long"}));
  EXPECT_TRUE(contains(error_with("/pre_tokenizer", repeated("pretokenizers", bytes, 7)),
                       {"pre_tokenizer.pretokenizers[6]", "more than 64 times as long"}));
  EXPECT_TRUE(contains(error_with("/decoder", repeated("decoders", doubling, 7)),
                       {"decoder.decoders[6]", "more than 64 times as long"}));
  EXPECT_TRUE(contains(error_with("/decoder", repeated("decoders", {{"type", "Fuse"}}, 65)),
                       {"decoder.decoders[64]", "64 steps at most"}));
  json longest = doubling;
  longest["pattern"]["String"] = std::string(4097, 'a');
  EXPECT_TRUE(contains(error_with("/decoder", longest), {"decoder.pattern", "at most 4096 bytes"}));
}

TEST(TokenizerErrors, RefuseTemplatesThatAddWithoutEnd) {
  json document = {{"type", "TemplateProcessing"},
                   {"single", json::array()},
                   {"special_tokens", {{"x", {{"ids", json::array()}}}}}};
  for (int i = 0; i < 100; ++i) {
    document["single"].push_back({{"SpecialToken", {{"id", "x"}}}});
    document["special_tokens"]["x"]["ids"].push_back(0);
  }
  document["single"].push_back({{"Sequence", {{"id", "A"}}}});
  EXPECT_TRUE(contains(error_with("/post_processor", document),
                       {"post_processor.single[40]", "4096 special tokens"}));
}

TEST(TokenizerErrors, NameDetailsOfADecoderAndPostProcessor) {
  EXPECT_TRUE(contains(
      error_with("/decoder", {{"type", "Strip"}, {"content", " "}, {"start", -1}, {"stop", 0}}),
      {"decoder.start", "-1"}));
  EXPECT_TRUE(
      contains(error_with("/decoder",
                          {{"type", "Replace"}, {"pattern", {{"Regex", "x"}}}, {"content", "y"}}),
               {"decoder.pattern"}));
  const json no_text = {{"type", "TemplateProcessing"},
                        {"single", json::array()},
                        {"special_tokens", json::object()}};
  EXPECT_TRUE(contains(error_with("/post_processor", no_text), {"post_processor.single", "\"A\""}));
  json unknown = no_text;
  unknown["single"] = {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
                       {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}};
  EXPECT_TRUE(contains(error_with("/post_processor", unknown),
                       {"post_processor.special_tokens.<s>", "missing"}));
  unknown["special_tokens"] = {{"<s>", {{"id", "<s>"}, {"ids", {-5}}, {"tokens", {"<s>"}}}}};
  EXPECT_TRUE(
      contains(error_with("/post_processor", unknown), {"special_tokens.<s>.ids[0]", "-5"}));
}

TEST(TokenizerErrors, RefuseSequencesThatNestWithoutEnd) {
  json nested = {{"type", "NFC"}};
  for (int i = 0; i < 24; ++i) nested = {{"type", "Sequence"}, {"normalizers", {nested}}};
  EXPECT_TRUE(contains(error_with("/normalizer", nested), {"normalizer.normalizers[0]", "nest"}));
  // Deeper than the stack could follow.
  const std::string deep =
      "{\"model\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  EXPECT_TRUE(contains(load_error(deep), {"deeper than 64"}));
}

TEST(TokenizerErrors, NameTheTokenThatAnUnknownCharacterNeeds) {
  json document = tokenizer_document();
  document["model"]["unk_token"] = "<unk>";
  const TempDirectory directory;
  directory.write("tokenizer.json", document);
  const Tokenizer tokenizer = Tokenizer::load(directory.path());
  EXPECT_EQ(tokenizer.encode("ab", false), std::vector<int32_t>{2});
  EXPECT_TRUE(contains(error_of([&] { tokenizer.encode("az", false); }),
                       {"tokenizer.json", "'z'", "model.unk_token", "<unk>"}));
}

TEST(TokenizerErrors, NameWrongValuesOfTheConfig) {
  const auto config_error = [](const json& config) {
    const TempDirectory directory;
    directory.write("tokenizer.json", tokenizer_document());
    directory.write("tokenizer_config.json", config);
    return error_of([&] { Tokenizer::load(directory.path()); });
  };
  EXPECT_TRUE(contains(config_error({{"bos_token", 1}}),
                       {"tokenizer_config.json", "'bos_token'", "string"}));
  EXPECT_TRUE(contains(config_error({{"eos_token", json::object()}}),
                       {"tokenizer_config.json", "'eos_token.content'"}));
  EXPECT_TRUE(contains(config_error({{"chat_template", 3}}),
                       {"tokenizer_config.json", "'chat_template'", "string"}));
  EXPECT_TRUE(contains(config_error({{"chat_template", {{{"name", "default"}}}}}),
                       {"tokenizer_config.json", "'chat_template[0].template'"}));
  EXPECT_TRUE(contains(config_error(json::array()), {"tokenizer_config.json", "object"}));
}

TEST(TokenizerErrors, ReadTheTemplateFileBeforeTheConfig) {
  const TempDirectory directory;
  directory.write("tokenizer.json", tokenizer_document());
  directory.write("tokenizer_config.json", json{{"chat_template", "old"}});
  EXPECT_EQ(Tokenizer::load(directory.path()).chat_template(), "old");
  directory.write("chat_template.jinja", std::string("new"));
  EXPECT_EQ(Tokenizer::load(directory.path()).chat_template(), "new");
  directory.write("chat_template.jinja", std::string("new\xFF"));
  EXPECT_TRUE(contains(error_of([&] { Tokenizer::load(directory.path()); }),
                       {"chat_template.jinja", "byte 3"}));
}

}  // namespace
}  // namespace kvreel::engine
