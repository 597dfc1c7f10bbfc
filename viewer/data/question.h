// What the window's side and the loading thread say to each other.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "viewer/data/figure_request.h"
#include "viewer/data/library.h"

namespace kvreel::viewer {

enum class Topic : uint8_t {
  overview,
  prompt,
  pass,
  threshold_steps,
  attention,
  attention_rows,
  outputs,
  timeline,
  figure,
};

// Numbers that a topic does not need stay 0.
struct Question {
  TraceId trace;  // of a figure the first
  Topic topic = Topic::overview;
  int32_t run = 0;
  int32_t sample = 0;
  int32_t step = 0;
  int32_t layer = 0;
  FigureKey figure = {};  // of Topic::figure
  auto operator<=>(const Question&) const = default;
  bool concerns(TraceId other) const;
};

struct Answer {
  LoadState state = LoadState::loading;
  std::shared_ptr<const void> value;  // of the topic's type
  std::string error;
  uint64_t bytes = 0;     // of memory that `value` takes, about
  double progress = 0;    // 0..1
  uint64_t version = 0;   // of a figure: growth_of() the traces that it is made from
  bool expected = false;  // there is a value already, and a better one is on its way
  bool opening = false;   // of an overview: it answers one Library::open()

  static Answer failure(std::string sentence);
  template <typename T>
  Loaded<T> as() const {
    return {state, std::static_pointer_cast<const T>(value), error};
  }
};

// A trace that was opened again has the next generation: news of an earlier one are out of date.
struct News {
  Question question;
  int generation = 0;
  Answer answer;
};

}  // namespace kvreel::viewer
