// The shared position, its history, and playing.
#include <gtest/gtest.h>

#include "viewer/model/session.h"

namespace kvreel::viewer {
namespace {

TEST(Session, AChangeOfTheViewCanBeTakenBackAndMadeAgain) {
  Library library([] {});
  Session session(library);
  session.remember(true);
  EXPECT_FALSE(session.can_undo());
  session.go(Page::timeline);
  session.remember(false);  // a drag goes on: nothing is kept yet
  session.go(Page::compare);
  session.remember(true);
  EXPECT_TRUE(session.can_undo());
  session.undo();
  EXPECT_EQ(session.view().page, Page::overview);
  session.redo();
  EXPECT_EQ(session.view().page, Page::compare);
}

}  // namespace
}  // namespace kvreel::viewer
