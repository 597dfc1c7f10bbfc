// Answers about details: bounded, the least recently asked for go first.
#pragma once

#include <cstdint>
#include <list>
#include <map>

#include "viewer/data/question.h"

namespace kvreel::viewer {

class DetailCache {
 public:
  explicit DetailCache(uint64_t most_bytes) : most_bytes_(most_bytes) {}

  // A new frame begins. What was asked for in this one or the one before is never dropped, however
  // large: a window that shows more than the bound must not load the same in circles.
  void next_frame();
  uint64_t frame() const { return frame_; }

  // The answer so far, null where the question is new. It counts as asked for now.
  const Answer* find(const Question& question);
  // The question is on its way.
  void expect(const Question& question);
  // Ignored where the question is not known (any more).
  void answer(const Question& question, Answer answer);
  // Forgets every answer about a trace, or only the failures, which may not be any longer. Failed
  // figures stay: who asks for one sees by its version that it is to be made anew.
  void forget(TraceId trace);
  void forget_failures(TraceId trace);

  uint64_t bytes() const { return bytes_; }
  size_t waiting() const { return waiting_; }  // questions without an answer

 private:
  struct Entry {
    Answer answer;
    uint64_t frame = 0;                 // when it was last asked for
    std::list<Question>::iterator age;  // in by_age_
  };
  using Entries = std::map<Question, Entry>;

  Entries::iterator erase(Entries::iterator entry);
  template <typename Unwanted>
  void forget_if(Unwanted&& unwanted);
  void trim();

  uint64_t most_bytes_;
  uint64_t bytes_ = 0;
  size_t waiting_ = 0;
  uint64_t frame_ = 1;
  Entries entries_;
  std::list<Question> by_age_;  // the least recently asked for first
};

}  // namespace kvreel::viewer
