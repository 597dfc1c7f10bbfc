// Ticks and their labels on the paper.
#include "exports/plot/axis.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "exports/plot/ticks.h"

namespace kvreel::plot {
namespace {

// Between neighbouring labels, of their em.
constexpr double kNumberGap = 0.95;
constexpr double kNameGap = 0.35;
constexpr std::size_t kMostLines = 6;  // of a name

bool has_room(const std::vector<TickLabel>& labels, bool horizontal, double size, double gap) {
  for (std::size_t i = 1; i < labels.size(); ++i) {
    const double apart = std::abs(labels[i].at - labels[i - 1].at);
    const double needed =
        horizontal ? (labels[i].width + labels[i - 1].width) / 2 + gap * size : 1.15 * size;
    if (apart < needed) return false;
  }
  return true;
}

std::vector<TickLabel> number_labels(const std::vector<double>& ticks, const Axis& axis,
                                     const Mapping& map, const Unit& unit, const Tools& tools) {
  const std::vector<std::string> texts =
      axis.scale == Scale::log ? format_each(ticks, unit) : format_alike(ticks, unit);
  std::vector<TickLabel> labels;
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    labels.push_back({map(ticks[i]), {texts[i]}, tools.fonts.width(texts[i], tools.m.small)});
  }
  return labels;
}

// Labels that would meet one that is kept before them are left out; their ticks stay.
void drop_overlapping(std::vector<TickLabel>& labels, bool horizontal, double size, double gap) {
  std::vector<TickLabel> kept;
  for (TickLabel& label : labels) {
    if (!kept.empty()) {
      const std::vector<TickLabel> pair = {kept.back(), label};
      if (!has_room(pair, horizontal, size, gap)) continue;
    }
    kept.push_back(std::move(label));
  }
  labels = std::move(kept);
}

int wanted_ticks(const Axis& axis, double length, bool horizontal, double size) {
  if (axis.scale == Scale::log) {
    return std::clamp(static_cast<int>(length / (size * (horizontal ? 2.2 : 1.8))), 2, 14);
  }
  return horizontal ? std::clamp(static_cast<int>(length / (size * 3.2)), 2, 8)
                    : std::clamp(static_cast<int>(length / (size * 2.3)), 2, 6);
}

AxisTicks number_ticks(const Axis& axis, const Mapping& map, bool horizontal, const Tools& tools) {
  const double size = tools.m.small;
  AxisTicks result;
  // In a logarithmic axis, units follow its middle, so that numbers stay short at both ends.
  const double scale_of_unit = axis.scale == Scale::log
                                   ? std::sqrt(map.low * map.high)
                                   : std::max(std::abs(map.low), std::abs(map.high));
  result.unit = unit_of(axis.format, scale_of_unit);
  if (axis.scale == Scale::log && axis.format == Format::number) result.unit = {};
  std::vector<double> ticks;
  if (!axis.ticks.empty()) {
    for (const double tick : axis.ticks) {
      if (map.holds(tick)) ticks.push_back(tick);
    }
    std::sort(ticks.begin(), ticks.end());
    result.labels = number_labels(ticks, axis, map, result.unit, tools);
    drop_overlapping(result.labels, horizontal, size, kNumberGap);
  } else {
    const std::vector<std::vector<double>> choices =
        tick_choices(axis.format, axis.scale, map.low, map.high,
                     wanted_ticks(axis, map.length(), horizontal, size));
    for (const std::vector<double>& choice : choices) {
      ticks = choice;
      result.labels = number_labels(ticks, axis, map, result.unit, tools);
      if (has_room(result.labels, horizontal, size, kNumberGap)) break;
    }
    drop_overlapping(result.labels, horizontal, size, kNumberGap);
    if (axis.scale == Scale::log && axis.format != Format::tokens && axis.format != Format::bytes) {
      for (const double tick : minor_log_ticks(map.low, map.high)) {
        result.minor.push_back(map(tick));
      }
    }
  }
  for (const double tick : ticks) result.at.push_back(map(tick));
  return result;
}

// The names' numbers where all are whole numbers, one after the other: layers, heads, steps.
std::optional<int64_t> first_of_numbers(const std::vector<std::string>& names) {
  std::optional<int64_t> first;
  for (std::size_t i = 0; i < names.size(); ++i) {
    int64_t number = 0;
    const auto [end, error] =
        std::from_chars(names[i].data(), names[i].data() + names[i].size(), number);
    if (error != std::errc() || end != names[i].data() + names[i].size()) return std::nullopt;
    if (i == 0) first = number;
    if (number != *first + static_cast<int64_t>(i)) return std::nullopt;
  }
  return first;
}

// Names of categories, with the places that lie within the axis.
struct Names {
  std::vector<std::string> texts;
  std::vector<double> at;  // on the paper
  std::vector<std::size_t> index;
};

Names names_of(const Axis& axis, const Mapping& map) {
  Names names;
  for (std::size_t i = 0; i < axis.categories.size(); ++i) {
    if (!map.holds(static_cast<double>(i))) continue;
    names.texts.push_back(axis.categories[i]);
    names.at.push_back(map(static_cast<double>(i)));
    names.index.push_back(i);
  }
  return names;
}

// Every `step`th name on one line, counted so that numbers are multiples of the step.
std::vector<TickLabel> every(const Names& names, std::size_t step, int64_t first,
                             const Tools& tools) {
  std::vector<TickLabel> labels;
  for (std::size_t i = 0; i < names.texts.size(); ++i) {
    const int64_t number = first + static_cast<int64_t>(names.index[i]);
    if (number % static_cast<int64_t>(step) != 0) continue;
    labels.push_back(
        {names.at[i], {names.texts[i]}, tools.fonts.width(names.texts[i], tools.m.small)});
  }
  return labels;
}

std::vector<TickLabel> thinned(const Names& names, int64_t first, bool horizontal,
                               const Tools& tools) {
  const auto size = static_cast<std::size_t>(std::max<std::size_t>(names.texts.size(), 1));
  for (std::size_t power = 1; power <= size * 10; power *= 10) {
    for (const std::size_t step : {power, 2 * power, 5 * power}) {
      std::vector<TickLabel> labels = every(names, step, first, tools);
      if (has_room(labels, horizontal, tools.m.small, kNumberGap)) return labels;
    }
  }
  return {};
}

// All names in at most `most` lines of `width`, and whether none had to be shortened.
bool wrapped(const Names& names, double width, std::size_t most, const Tools& tools,
             std::vector<TickLabel>& labels) {
  bool whole = true;
  labels.clear();
  for (std::size_t i = 0; i < names.texts.size(); ++i) {
    Lines lines =
        wrap(tools.fonts, names.texts[i], {tools.m.small, false}, width, most, Cut::middle);
    whole = whole && lines.whole;
    labels.push_back({names.at[i], std::move(lines.lines), lines.width});
  }
  return whole;
}

void horizontal_names(AxisTicks& ticks, const Names& names, double slot, double most_extent,
                      const Tools& tools) {
  const double size = tools.m.small, line = kLineHeight * size;
  std::vector<TickLabel> one;
  for (std::size_t i = 0; i < names.texts.size(); ++i) {
    one.push_back({names.at[i], {names.texts[i]}, tools.fonts.width(names.texts[i], size)});
  }
  // The outermost do not reach beyond the axis, where other labels are.
  const double low = names.at.empty() ? 0 : std::min(names.at.front(), names.at.back());
  const double high = names.at.empty() ? 0 : std::max(names.at.front(), names.at.back());
  const bool near = std::all_of(one.begin(), one.end(), [&](const TickLabel& label) {
    return label.at - label.width / 2 >= low - slot / 2 - 0.3 * size &&
           label.at + label.width / 2 <= high + slot / 2 + 0.3 * size;
  });
  if (near && has_room(one, true, size, kNameGap)) {
    ticks.labels = std::move(one);
    return;
  }
  if (const std::optional<int64_t> first = first_of_numbers(names.texts)) {
    ticks.labels = thinned(names, *first, true, tools);
    return;
  }
  const double width = slot - kNameGap * size;
  const auto lines_in = [&](double space) {
    return std::max<std::size_t>(1, static_cast<std::size_t>(space / line));
  };
  if (width > 0 &&
      wrapped(names, width, std::min(kMostLines, lines_in(most_extent)), tools, ticks.labels)) {
    return;
  }
  // Turned, in as many lines as stand in a slot.
  ticks.turned = true;
  const std::size_t lines = std::min(kMostLines, lines_in(slot));
  if (slot >= line) {
    wrapped(names, most_extent, lines, tools, ticks.labels);
    return;
  }
  wrapped(names, most_extent, 1, tools, ticks.labels);
  drop_overlapping(ticks.labels, false, size, kNameGap);
}

void vertical_names(AxisTicks& ticks, const Names& names, double slot, double most_extent,
                    const Tools& tools) {
  const double size = tools.m.small;
  const double line = kLineHeight * size;
  if (slot < line) {
    const std::optional<int64_t> first = first_of_numbers(names.texts);
    if (first) {
      ticks.labels = thinned(names, *first, false, tools);
    } else {
      wrapped(names, most_extent, 1, tools, ticks.labels);
      drop_overlapping(ticks.labels, false, size, kNameGap);
    }
    return;
  }
  const auto lines = static_cast<std::size_t>(slot / line);
  wrapped(names, most_extent, std::min(kMostLines, lines), tools, ticks.labels);
}

AxisTicks category_ticks(const Axis& axis, const Mapping& map, bool horizontal, double most_extent,
                         const Tools& tools) {
  AxisTicks ticks;
  ticks.category = true;
  const Names names = names_of(axis, map);
  ticks.at = names.at;
  const double slot = std::abs(map(1) - map(0));
  (horizontal ? horizontal_names : vertical_names)(ticks, names, slot, most_extent, tools);
  return ticks;
}

// What labels take, from what they are.
void measure(AxisTicks& ticks, const Mapping& map, bool horizontal, const Tools& tools) {
  const double size = tools.m.small;
  const double low = std::min(map.from, map.to), high = std::max(map.from, map.to);
  for (const TickLabel& label : ticks.labels) {
    const double across_lines = (static_cast<double>(label.lines.size()) - 1) * kLineHeight * size +
                                (kAbove + kBelow) * size;
    const bool along = horizontal && !ticks.turned;  // the text runs along the axis
    const double half = (along ? label.width : across_lines) / 2;
    ticks.extent = std::max(ticks.extent, along ? across_lines : label.width);
    ticks.before = std::max(ticks.before, low - (label.at - half));
    ticks.after = std::max(ticks.after, label.at + half - high);
  }
}

}  // namespace

double label_gap(const Metrics& m, const AxisTicks& ticks) {
  // Names need no room for ticks; but where the first reaches beyond the axis, it stands under the
  // other axis' lowest label.
  const bool near = ticks.category && !ticks.turned && ticks.before <= 2 * m.unit;
  return near ? m.unit : m.unit + m.tick;
}

AxisTicks choose_ticks(const Axis& axis, const Mapping& map, bool horizontal, double most_extent,
                       const Tools& tools) {
  AxisTicks ticks = axis.categories.empty()
                        ? number_ticks(axis, map, horizontal, tools)
                        : category_ticks(axis, map, horizontal, most_extent, tools);
  measure(ticks, map, horizontal, tools);
  return ticks;
}

void draw_x_ticks(Sheet& sheet, const AxisTicks& ticks, const Area& plot, bool labels) {
  const Metrics& m = sheet.tools.m;
  const Color axis = sheet.tools.colors.axis, quiet = sheet.tools.colors.quiet;
  if (!ticks.category) {
    for (const double x : ticks.minor) {
      sheet.segment({x, plot.bottom}, {x, plot.bottom + m.tick * 0.55}, axis, m.hair);
    }
    for (const double x : ticks.at) {
      sheet.segment({x, plot.bottom}, {x, plot.bottom + m.tick}, axis, m.hair);
    }
  }
  if (!labels) return;
  const double top = plot.bottom + label_gap(m, ticks);
  const double line = kLineHeight * m.small;
  for (const TickLabel& label : ticks.labels) {
    if (!ticks.turned) {
      sheet.text_lines({label.at, top + kAbove * m.small}, label.lines, {m.small, false}, quiet,
                       0.5);
      continue;
    }
    // Upper end at the axis, lines side by side around the place.
    const double first = label.at - (static_cast<double>(label.lines.size()) - 1) * line / 2 +
                         (kAbove - kBelow) * m.small / 2;
    sheet.turned_lines({first, top}, label.lines, {m.small, false}, quiet, 1);
  }
}

void draw_y_ticks(Sheet& sheet, const AxisTicks& ticks, const Area& plot, bool labels) {
  const Metrics& m = sheet.tools.m;
  const Color axis = sheet.tools.colors.axis, quiet = sheet.tools.colors.quiet;
  if (!ticks.category) {
    for (const double y : ticks.minor) {
      sheet.segment({plot.left - m.tick * 0.55, y}, {plot.left, y}, axis, m.hair);
    }
    for (const double y : ticks.at) {
      sheet.segment({plot.left - m.tick, y}, {plot.left, y}, axis, m.hair);
    }
  }
  if (!labels) return;
  const double right = plot.left - label_gap(m, ticks);
  const double line = kLineHeight * m.small;
  const double middle = sheet.tools.fonts.cap_height(m.small) / 2;
  for (const TickLabel& label : ticks.labels) {
    const double first =
        label.at - (static_cast<double>(label.lines.size()) - 1) * line / 2 + middle;
    sheet.text_lines({right, first}, label.lines, {m.small, false}, quiet, 1);
  }
}

}  // namespace kvreel::plot
