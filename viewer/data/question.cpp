// What the window's side and the loading thread say to each other.
#include "viewer/data/question.h"

#include <algorithm>
#include <utility>

namespace kvreel::viewer {

bool Question::concerns(TraceId other) const {
  if (trace == other) return true;
  const FigureRequest* request = figure.get();
  return request != nullptr &&
         std::find(request->traces.begin(), request->traces.end(), other) != request->traces.end();
}

Answer Answer::failure(std::string sentence) {
  Answer answer;
  answer.state = LoadState::failed;
  answer.progress = 1;
  answer.error = std::move(sentence);
  return answer;
}

}  // namespace kvreel::viewer
