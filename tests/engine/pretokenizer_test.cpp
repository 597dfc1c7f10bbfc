// Splitting and normalizing as Hugging Face's tokenizers 0.23.3 do it; the expected pieces are
// theirs.
#include "engine/tokenizer/pretokenizer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/tokenizer/json_field.h"
#include "engine/tokenizer/normalizer.h"
#include "engine/tokenizer/unicode.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

Words pieces(const json& pre_tokenizer, const std::string& text) {
  const PreTokenizer steps(JsonField(pre_tokenizer, "tokenizer.json", "pre_tokenizer"));
  const Pieces result = steps.apply(text, /*at_text_start=*/true);
  Words words;
  size_t begin = 0;
  for (const size_t end : result.ends) {
    words.push_back(result.text.substr(begin, end - begin));
    begin = end;
  }
  EXPECT_EQ(begin, result.text.size());
  return words;
}

Words split(const std::string& behavior, bool invert) {
  return pieces({{"type", "Split"},
                 {"pattern", {{"Regex", "\\s"}}},
                 {"behavior", behavior},
                 {"invert", invert}},
                " a  bc d ");
}

TEST(PreTokenizer, SplitsByEveryBehavior) {
  const Words isolated = {" ", "a", " ", " ", "bc", " ", "d", " "};
  const Words with_previous = {" ", "a ", " ", "bc ", "d "};
  const Words with_next = {" a", " ", " bc", " d", " "};
  const Words contiguous = {" ", "a", "  ", "bc", " ", "d", " "};
  EXPECT_EQ(split("Isolated", false), isolated);
  EXPECT_EQ(split("Isolated", true), isolated);
  EXPECT_EQ(split("Removed", false), (Words{"a", "bc", "d"}));
  EXPECT_EQ(split("Removed", true), Words(5, " "));
  EXPECT_EQ(split("MergedWithPrevious", false), with_previous);
  EXPECT_EQ(split("MergedWithPrevious", true), (Words{" a", " ", " bc", " d", " "}));
  EXPECT_EQ(split("MergedWithNext", false), with_next);
  EXPECT_EQ(split("MergedWithNext", true), (Words{" ", "a ", " ", "bc ", "d "}));
  EXPECT_EQ(split("Contiguous", false), contiguous);
  EXPECT_EQ(split("Contiguous", true), contiguous);
}

TEST(PreTokenizer, SplitsAtPlainStringsAndDigits) {
  EXPECT_EQ(pieces({{"type", "Split"},
                    {"pattern", {{"String", "a"}}},
                    {"behavior", "Isolated"},
                    {"invert", false}},
                   "baab"),
            (Words{"b", "a", "a", "b"}));
  const std::string text =
      "a12b\xC2\xBD"
      "3";  // a fraction is a number too
  EXPECT_EQ(pieces({{"type", "Digits"}, {"individual_digits", true}}, text),
            (Words{"a", "1", "2", "b", "\xC2\xBD", "3"}));
  EXPECT_EQ(pieces({{"type", "Digits"}, {"individual_digits", false}}, text), (Words{"a", "12", "b",
                                                                                     "\xC2\xBD"
                                                                                     "3"}));
}

TEST(PreTokenizer, MarksSpacesByEachSchemeOfAMetaspace) {
  const auto metaspace = [](const std::string& scheme, bool split_words, const std::string& text) {
    return pieces({{"type", "Metaspace"},
                   {"replacement", "_"},
                   {"prepend_scheme", scheme},
                   {"split", split_words}},
                  text);
  };
  EXPECT_EQ(metaspace("always", true, "a  b"), (Words{"_a", "_", "_b"}));
  EXPECT_EQ(metaspace("first", true, "a  b"), (Words{"_a", "_", "_b"}));
  EXPECT_EQ(metaspace("never", true, "a  b"), (Words{"a", "_", "_b"}));
  EXPECT_EQ(metaspace("always", false, "a  b"), Words{"_a__b"});
  EXPECT_EQ(metaspace("never", false, "a  b"), Words{"a__b"});
  for (const std::string scheme : {"always", "first", "never"})
    EXPECT_EQ(metaspace(scheme, true, " a"), Words{"_a"});
}

TEST(PreTokenizer, AppliesASequenceInItsOrder) {
  const json digits = {{"type", "Digits"}, {"individual_digits", true}};
  const json metaspace = {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "first"}};
  EXPECT_EQ(pieces({{"type", "Sequence"}, {"pretokenizers", {metaspace, digits}}}, "a 12"),
            (Words{"_a", "_", "1", "2"}));
  EXPECT_EQ(pieces({{"type", "Sequence"}, {"pretokenizers", {digits, metaspace}}}, "1a 2"),
            (Words{"_1", "a", "_", "2"}));
}

TEST(PreTokenizer, WritesBytesInTheByteLevelAlphabet) {
  EXPECT_EQ(pieces({{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}},
                   "it's 12 \xC3\xA9"),
            (Words{"\xC4\xA0it", "'s",
                   "\xC4\xA0"
                   "12",
                   "\xC4\xA0\xC3\x83\xC2\xA9"}));
  EXPECT_EQ(
      pieces({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}, "a b"),
      Words{"a\xC4\xA0"
            "b"});
}

TEST(Normalizer, ComposesAsHuggingFaceDoes) {
  EXPECT_EQ(to_nfc("cafe\xCC\x81"), "caf\xC3\xA9");
  EXPECT_EQ(to_nfc("\xE2\x84\xAB"), "\xC3\x85");                // ANGSTROM SIGN
  EXPECT_EQ(to_nfc("q\xCC\x87\xCC\xA3"), "q\xCC\xA3\xCC\x87");  // marks in canonical order
  EXPECT_EQ(to_nfc("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB"), "\xED\x95\x9C");
  EXPECT_EQ(to_nfc("plain \xC3\xA9"), "plain \xC3\xA9");
  // U+10F47 is a mark that Hugging Face's tables do not know, so U+0323 does not move across it.
  EXPECT_EQ(to_nfc("\xCC\x80\xF0\x90\xBD\x87\xCC\xA3"), "\xCC\x80\xF0\x90\xBD\x87\xCC\xA3");
}

TEST(Normalizer, AppliesItsStepsInOrder) {
  const json sequence = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "Prepend"}, {"prepend", "_"}},
        {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "_"}},
        {{"type", "Replace"}, {"pattern", {{"Regex", "\\d+"}}}, {"content", "#"}},
        {{"type", "NFC"}}}}};
  const Normalizer normalizer(JsonField(sequence, "tokenizer.json", "normalizer"));
  EXPECT_EQ(normalizer.apply("a 12 e\xCC\x81"), "_a_#_\xC3\xA9");
  EXPECT_EQ(normalizer.apply(""), "");  // nothing is put before an empty text
}

}  // namespace
}  // namespace kvreel::engine
