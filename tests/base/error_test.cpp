// Messages stay one readable line, whatever a stranger's file puts into them.
#include "base/error.h"

#include <gtest/gtest.h>

#include <string>

#include "base/text.h"

namespace kvreel {
namespace {

std::string message_of(std::string_view name) {
  try {
    fail("The file '{}' is not here.", name);
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Error, ShowsControlCharactersAsEscapes) {
  EXPECT_EQ(message_of("a\nb\tc\rd"), "The file 'a\\nb\\tc\\rd' is not here.");
  EXPECT_EQ(message_of("\x1b[31m\x7f"), "The file '\\x1b[31m\\x7f' is not here.");
  EXPECT_EQ(message_of(std::string("\0", 1)), "The file '\\x00' is not here.");
  EXPECT_EQ(message_of("\xC2\x9B"), "The file '\\x9b' is not here.");  // a terminal's order, too
}

TEST(Error, IsUtf8) {
  EXPECT_EQ(message_of("\xC3\xA9\xFF\xE2"),
            "The file '\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD' is not here.");
}

TEST(Error, LeavesOutTheMiddleOfWhatNobodyReads) {
  std::string name;
  while (name.size() < 1'000'000) name += "\xE2\x82\xAC";
  const std::string message = message_of(name);
  EXPECT_LT(message.size(), 4100u);
  EXPECT_TRUE(is_utf8(message));
  EXPECT_TRUE(message.starts_with("The file '\xE2\x82\xAC"));
  EXPECT_NE(message.find(" ... "), std::string::npos);
  EXPECT_TRUE(message.ends_with("\xE2\x82\xAC' is not here."));
}

}  // namespace
}  // namespace kvreel
