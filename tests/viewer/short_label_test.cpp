// Labels that are too long for their place.
#include "viewer/model/short_label.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kvreel::viewer::testing {
namespace {

// Room for so many characters.
std::string shortened(const std::string& label, const std::vector<std::string>& all, size_t room) {
  return short_label(label, all, [room](std::string_view text) {
    size_t characters = 0;
    for (const char c : text) characters += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    return characters <= room;
  });
}

const std::vector<std::string> kDemo = {
    "full", "refreekv", "refreekv:threshold=5%,keep-layers=none", "streaming-llm:budget=50%"};

TEST(ShortLabel, WhatFitsIsLeftAlone) {
  for (const std::string& label : kDemo) EXPECT_EQ(shortened(label, kDemo, 40), label);
  EXPECT_EQ(shortened("", kDemo, 0), "");
}

TEST(ShortLabel, ASharedBeginningGoesFirst) {
  EXPECT_EQ(shortened(kDemo[2], kDemo, 35), "\u2026threshold=5%,keep-layers=none");
  const std::vector<std::string> sweep = {"full", "refreekv:keep-layers=none,threshold=0.1%",
                                          "refreekv:keep-layers=none,threshold=1%"};
  EXPECT_EQ(shortened(sweep[1], sweep, 35), "\u2026keep-layers=none,threshold=0.1%");
  EXPECT_EQ(shortened(sweep[1], sweep, 20), "\u2026threshold=0.1%");
  EXPECT_EQ(shortened(sweep[1], sweep, 6), "\u20260.1%");
  EXPECT_EQ(shortened(sweep[2], sweep, 14), "\u2026threshold=1%");
}

TEST(ShortLabel, TheFileIsWhatTellsRunsOfTwoTracesApart) {
  const std::vector<std::string> all = {"refreekv (before.h5)", "refreekv (after.h5)"};
  EXPECT_EQ(shortened(all[0], all, 15), "\u2026(before.h5)");
}

TEST(ShortLabel, WhatAnotherLabelEndsWithDoesNotStandForOne) {
  const std::vector<std::string> all = {"refreekv:threshold=5%,keep-layers=none",
                                        "refreekv:threshold=0.5%,keep-layers=none",
                                        "refreekv:threshold=5%,keep-layers=0-1"};
  // "…keep-layers=none" would be two of them.
  EXPECT_EQ(shortened(all[0], all, 24), "\u20265%,keep-layers=none");
  EXPECT_EQ(shortened(all[1], all, 24), "\u20260.5%,keep-layers=none");
  EXPECT_EQ(shortened(all[2], all, 24), "\u2026keep-layers=0-1");
}

TEST(ShortLabel, ARestThatIsTooLongIsCutAtItsEnd) {
  EXPECT_EQ(shortened(kDemo[2], kDemo, 16), "\u2026threshold=5%,k\u2026");
  const std::vector<std::string> all = {"refreekv:threshold=5%,keep-layers=none",
                                        "refreekv:threshold=0.5%,keep-layers=none"};
  EXPECT_EQ(shortened(all[0], all, 12), "\u20265%,keep-la\u2026");
  EXPECT_EQ(shortened(all[1], all, 12), "\u20260.5%,keep-\u2026");
}

TEST(ShortLabel, WithoutACommonBeginningTheMiddleGoes) {
  EXPECT_EQ(shortened(kDemo[3], kDemo, 15), "streami\u2026get=50%");
  EXPECT_EQ(shortened(kDemo[3], {}, 5), "st\u20260%");
  EXPECT_EQ(shortened(kDemo[3], {}, 4), "st\u2026%");
  EXPECT_EQ(shortened(kDemo[3], kDemo, 2), "s\u2026");
  EXPECT_EQ(shortened(kDemo[3], kDemo, 0), "");
}

TEST(ShortLabel, CharactersAreNotCutApart) {
  for (size_t room = 1; room < 8; ++room) {
    const std::string cut = shortened("\u00fc\u00f6\u00e4\u20ac\u00df\u00e9\u00e8\u00ea", {}, room);
    for (size_t i = 0; i < cut.size();) {
      const auto lead = static_cast<unsigned char>(cut[i]);
      const size_t bytes = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : 3;
      ASSERT_NE(lead & 0xc0, 0x80) << cut;
      ASSERT_LE(i + bytes, cut.size()) << cut;
      i += bytes;
    }
  }
}

}  // namespace
}  // namespace kvreel::viewer::testing
