// A figure made from open traces.
#include "viewer/data/figure_answer.h"

#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

#include "viewer/data/read_overview.h"

namespace kvreel::viewer {
namespace {

template <typename... Vectors>
uint64_t doubles(const Vectors&... vectors) {
  return (0 + ... + (vectors.size() * sizeof(double)));
}

uint64_t bytes_of(const plot::Mark& mark) {
  return std::visit(
      [](const auto& what) -> uint64_t {
        using T = std::decay_t<decltype(what)>;
        uint64_t bytes = sizeof(T);
        if constexpr (std::is_same_v<T, plot::HeatMap>) {
          bytes += what.values.size() * sizeof(float);
        } else if constexpr (std::is_same_v<T, plot::Line>) {
          bytes += doubles(what.x, what.y, what.low, what.high);
        } else if constexpr (std::is_same_v<T, plot::Bars>) {
          bytes += doubles(what.at, what.base, what.top, what.low, what.high);
        } else if constexpr (std::is_same_v<T, plot::Points>) {
          bytes += doubles(what.x, what.y, what.x_low, what.x_high, what.y_low, what.y_high);
        } else if constexpr (std::is_same_v<T, plot::Boxes>) {
          for (const plot::Box& box : what.boxes) bytes += sizeof(box) + doubles(box.points);
        }
        return bytes;
      },
      mark);
}

uint64_t bytes_of(const plot::Figure& figure) {
  uint64_t bytes = sizeof(figure);
  for (const plot::Panel& panel : figure.panels) {
    bytes += sizeof(panel);
    for (const plot::Mark& mark : panel.marks) bytes += bytes_of(mark);
  }
  return bytes;
}

}  // namespace

Answer figure_answer(const FigureRequest& request, const std::vector<Source*>& traces) {
  std::vector<const Overview*> overviews;
  for (const Source* source : traces) overviews.push_back(source->overview());
  Answer answer;
  try {
    std::vector<const tracer::Trace*> readers;
    for (const Source* source : traces) readers.push_back(&source->trace());
    auto figure = std::make_shared<const plot::Figure>(
        exports::make_figure(readers, request.name, request.options));
    answer.state = LoadState::ready;
    answer.progress = 1;
    answer.bytes = bytes_of(*figure);
    answer.value = std::move(figure);
  } catch (...) {
    answer = Answer::failure(sentence_of_exception("Making the figure " + request.name));
  }
  answer.version = growth_of(overviews);
  return answer;
}

}  // namespace kvreel::viewer
