// cache-bytes: what the KV cache takes while a pass goes on.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "exports/figures/cost_figures.h"
#include "exports/figures/pass_choice.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

// More pairs of lines are not told apart.
constexpr size_t kMostRuns = 6;

struct Course {
  std::vector<double> time;  // ns since the pass began
  std::vector<double> asked, held;
  double prefill_end = 0;  // ns
  double held_after_prefill = 0;
};

template <typename T>
T at_pass(const Source& source, std::vector<T> t::Passes::*column, const PassAt& pass) {
  return source.trace.read_column(column, pass.row, pass.row + 1)[0];
}

Course course_of(const RunChoice& run, const PassAt& pass) {
  const Source& source = run.source();
  const int64_t start = at_pass(source, &t::Passes::start_ns, pass);
  const int64_t prefill = at_pass(source, &t::Passes::prefill_ns, pass);
  const int64_t end = prefill + at_pass(source, &t::Passes::decode_ns, pass);
  Course course;
  const auto add = [&](int64_t time, double asked, double held) {
    course.time.push_back(static_cast<double>(time));
    course.asked.push_back(asked);
    course.held.push_back(held);
  };
  add(0, 0, 0);
  for_each_row<t::Memory>(source.trace, pass_rows(source, &t::Passes::memory_end, pass.row),
                          [&](const t::Memory& block, size_t i, uint64_t) {
                            if (!source.selection.step(block.step[i])) return;
                            add(block.time_ns[i] - start, static_cast<double>(block.asked[i]),
                                static_cast<double>(block.held[i]));
                          });
  if (course.time.size() > 1 && static_cast<double>(end) > course.time.back())
    add(end, course.asked.back(), course.held.back());
  course.prefill_end = static_cast<double>(prefill);
  course.held_after_prefill = static_cast<double>(at_pass(source, &t::Passes::prefill_held, pass));
  return course;
}

plot::Line line_of(const std::string& series, const std::vector<double>& x,
                   const std::vector<double>& y) {
  plot::Line line{.series = series, .x = x, .y = y, .low = {}, .high = {}};
  line.steps = true;
  return line;
}

}  // namespace

// One sample, a pair of lines for each run, by default for the first six: table `memory`, held
// (solid) and asked (dashed) over time_ns less the pass's start_ns. Bytes hold until the next
// change; both lines begin with 0 at the pass's start and end at prefill_ns + decode_ns. Dots: the
// end of prefill, prefill_held at prefill_ns.
plot::Figure cache_bytes(const FigureSource& source) {
  plot::Figure figure;
  std::vector<RunChoice> runs = chosen_runs(source);
  keep_first_runs(source, runs, kMostRuns, figure);
  rename_runs(runs);
  const std::string sample = one_sample(source, runs, figure);
  add_shown_runs(runs, figure);
  plot::Panel panel;
  panel.x = {
      .label = "Time since the pass began", .format = plot::Format::duration, .from_zero = true};
  panel.y = {.label = "Cache", .format = plot::Format::bytes, .from_zero = true};
  std::vector<plot::Mark> asked_lines, prefill_ends;
  uint64_t peak = 0;
  for (const RunChoice& run : runs) {
    const std::optional<PassAt> pass = run.pass_of(sample);
    if (!pass) {
      figure.remarks.push_back(fmt::format("Run {} did not finish the sample.", run.series));
      continue;
    }
    const Course course = course_of(run, *pass);
    if (course.time.size() < 2) {
      figure.remarks.push_back(fmt::format(
          "Run {} has no record of its cache's size in the steps asked for.", run.series));
      continue;
    }
    panel.marks.emplace_back(line_of(run.series, course.time, course.held));
    plot::Line asked = line_of(run.series, course.time, course.asked);
    asked.dash = plot::Dash::dashed;
    asked.weight = 0.8;
    asked.in_legend = false;
    asked_lines.emplace_back(std::move(asked));
    plot::Points end{
        .series = run.series, .x = {course.prefill_end}, .y = {course.held_after_prefill}};
    end.in_legend = false;
    prefill_ends.emplace_back(std::move(end));
    peak = std::max(peak, at_pass(run.source(), &t::Passes::process_peak, *pass));
  }
  if (panel.marks.empty()) {
    fail("{} has no record of the cache's size in sample '{}' in the runs and steps asked for.",
         paths_of(runs), sample);
  }
  panel.marks.insert(panel.marks.end(), asked_lines.begin(), asked_lines.end());
  panel.marks.insert(panel.marks.end(), prefill_ends.begin(), prefill_ends.end());
  figure.title = fmt::format("Cache bytes in sample {}", shown(sample, 40));
  figure.panels.push_back(std::move(panel));
  figure.remarks.push_back("Solid: held in pages; dashed: asked for by rows; dots: prefill ends.");
  if (peak > 0) {
    figure.remarks.push_back(
        fmt::format("Peak resident memory of the process: {}.", format_bytes(peak)));
  }
  remark_drops(runs, t::Memory::kName, figure);
  return figure;
}

}  // namespace kvreel::exports
