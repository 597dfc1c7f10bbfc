// A directory for traces, and a library that waits for whatever it is asked.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "exports/tables/small_trace.h"
#include "viewer/data/library.h"

namespace kvreel::viewer::testing {

using exports::testing::contains;

inline constexpr int kPatience = 120'000;  // ms; only a hang takes as long

class LibraryTest : public exports::testing::ExportTest {
 protected:
  // The loading thread has started HDF5 and is at rest when a test begins: a test may fork, and a
  // lock that another thread holds at that moment is never given back in the child.
  explicit LibraryTest(LibraryOptions options = {}) : library_(nullptr, options) {
    const TraceId none = library_.open(path("none.h5"));
    EXPECT_TRUE(library_.wait_idle(kPatience));
    library_.close(none);
    EXPECT_TRUE(library_.wait_idle(kPatience));
    library_.poll();
  }

  // Waits for it, comparison included.
  Loaded<Overview> open(const std::string& path) {
    trace_ = library_.open(path);
    EXPECT_TRUE(library_.wait_idle(kPatience));
    return library_.overview(trace_);
  }
  // Waits until a question is answered: soon([&] { return library_.pass(key); }).
  template <typename Ask>
  auto soon(Ask&& ask) {
    auto answer = ask();
    while (answer.state == LoadState::loading) {
      EXPECT_TRUE(library_.wait_idle(kPatience));
      answer = ask();
      if (::testing::Test::HasFailure()) break;
    }
    return answer;
  }
  PassKey key(int32_t run, int32_t sample) const { return {trace_, run, sample}; }
  Loaded<PassDetail> pass(int32_t run, int32_t sample) {
    return soon([&] { return library_.pass(key(run, sample)); });
  }
  // Polls until something holds, which is to come by itself.
  template <typename Condition>
  bool becomes(Condition&& condition) {
    for (int waits = 0; waits < 600; ++waits) {
      library_.poll();
      if (condition()) return true;
      library_.wait_for_news(200);
    }
    return false;
  }

  Library library_;
  TraceId trace_;
};

}  // namespace kvreel::viewer::testing
