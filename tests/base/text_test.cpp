// Text for people, and UTF-8.
#include "base/text.h"

#include <gtest/gtest.h>

#include <vector>

namespace kvreel {
namespace {

TEST(FormatBytes, KeepsThreeDigitsAndBinaryUnits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.50 KiB");
  EXPECT_EQ(format_bytes(10 * 1024 + 512), "10.5 KiB");
  EXPECT_EQ(format_bytes(1024 * 1024), "1.00 MiB");
  EXPECT_EQ(format_bytes(1024 * 1024 - 1), "1.00 MiB");  // never "1024 KiB"
  EXPECT_EQ(format_bytes(uint64_t(141) << 30), "141 GiB");
}

TEST(FormatDuration, ChoosesTheUnit) {
  EXPECT_EQ(format_duration(12), "12.0 ns");
  EXPECT_EQ(format_duration(1234567), "1.23 ms");
  EXPECT_EQ(format_duration(999.6), "1.00 us");
  EXPECT_EQ(format_duration(61.5e9), "61.5 s");
}

TEST(EditDistance, CountsInsertionsDeletionsAndChanges) {
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);  // the textbook case
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("same", "same"), 0u);
}

TEST(SuggestName, NamesTheNearestOrAllThatAreKnown) {
  const std::vector<std::string> known = {"full", "refreekv", "streaming-llm"};
  EXPECT_EQ(suggest_name("refrekv", known), " Did you mean 'refreekv'?");
  EXPECT_EQ(suggest_name("quest", known), " Known: full, refreekv, streaming-llm.");
}

TEST(Utf8, AcceptsExactlyWellFormedText) {
  EXPECT_TRUE(is_utf8("plain"));
  EXPECT_TRUE(is_utf8("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_utf8("\xC0\xAF"));          // overlong
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(is_utf8("cut \xE2\x82"));
}

TEST(Utf8, ReplacesIllFormedBytes) {
  EXPECT_EQ(to_utf8_lossy("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(to_utf8_lossy("\xE2\x82\xAC"), "\xE2\x82\xAC");
}

TEST(Trim, RemovesSurroundingWhiteSpace) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

}  // namespace
}  // namespace kvreel
