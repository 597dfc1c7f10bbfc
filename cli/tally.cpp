// Words for a tally and for what a recording has left.
#include "cli/tally.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <exception>

#include "tracer/read/trace.h"

namespace kvreel::cli {
namespace {

std::string mean_of(const tracer::RunTally::Scores& scores) {
  return fmt::format("{:.1f} % (n = {})", 100 * scores.sum / static_cast<double>(scores.passes),
                     scores.passes);
}

}  // namespace

std::string tally_text(std::span<const engine::Run> runs, std::span<const tracer::RunTally> tally) {
  size_t width = 0;
  for (const engine::Run& run : runs) width = std::max(width, run.spec.text.size());
  std::string text;
  for (size_t run = 0; run < std::min(runs.size(), tally.size()); ++run) {
    const tracer::RunTally& of_run = tally[run];
    text += fmt::format("  {:<{}}  {} passes", runs[run].spec.text, width, of_run.passes);
    if (of_run.passes > 0) {
      text += fmt::format(", mean budget {:.1f} %",
                          100 * of_run.budget / static_cast<double>(of_run.passes));
    }
    if (of_run.exact_match.passes > 0)
      text += fmt::format(", exact match {}", mean_of(of_run.exact_match));
    for (const auto& [metric, scores] : of_run.metrics)
      text += fmt::format(", {} {}", metric, mean_of(scores));
    text += '\n';
  }
  return text;
}

std::string rest_of_trace(const std::string& path) {
  try {
    const tracer::Trace trace = tracer::Trace::open(path);
    return fmt::format(
        "{} holds {} passes and {} samples of the recording that ended early; once there is room, "
        "the same command goes on with it, and kvreel recover makes a finished trace of it",
        path, trace.rows<tracer::Passes>(), trace.rows<tracer::Samples>());
  } catch (const std::exception& error) {
    return fmt::format("no trace is left of the recording that ended early: {}", error.what());
  }
}

}  // namespace kvreel::cli
