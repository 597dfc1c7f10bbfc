// A table that is counted a portion per frame.
#include "viewer/panels/timeline_statistics_pane.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "viewer/model/ticks.h"
#include "viewer/panels/timeline_rows.h"

namespace kvreel::viewer {
namespace {

// About a millisecond.
constexpr uint64_t kEventsPerFrame = 150'000;

struct Column {
  StatisticsColumn id;
  const char* name;  // of the item
  const char* label;
  const char* tip;
};
constexpr std::array<Column, 6> kColumns = {{
    {StatisticsColumn::name, "timeline.sort.name", "name", "Operation or kernel"},
    {StatisticsColumn::count, "timeline.sort.count", "count",
     "Events that overlap the range, in whole or in part"},
    {StatisticsColumn::total, "timeline.sort.total", "total",
     "Their time within the range, summed"},
    {StatisticsColumn::median, "timeline.sort.median", "median",
     "Of whole durations, also of events that reach beyond the range"},
    {StatisticsColumn::p99, "timeline.sort.p99", "p99", "99th percentile of whole durations"},
    {StatisticsColumn::share, "timeline.sort.share", "share", "Total / length of the range"},
}};

}  // namespace

void TimelineStatisticsPane::count(Frame& frame, const std::shared_ptr<const TimelineData>& data,
                                   TimeRange range) {
  if (data_ != data || range_ != range || counted_of_ != of_) {
    data_ = data;
    range_ = range;
    if (counted_of_ != of_) rows_.clear();
    counted_of_ = of_;
    counting_ = std::make_unique<RangeStatistics>(data, range, static_cast<StatisticsOf>(of_));
  }
  if (counting_ == nullptr) return;
  if (!counting_->advance(kEventsPerFrame)) {
    frame.animating = true;
    return;
  }
  rows_ = counting_->rows();
  counting_.reset();
  sorted_ = false;
}

void TimelineStatisticsPane::draw(Frame& frame, const Rect& area,
                                  std::shared_ptr<const TimelineData> data,
                                  const Overview& overview, TimeRange range, bool of_selection) {
  const bool has_kernels =
      std::any_of(data->tracks.begin(), data->tracks.end(),
                  [](const Track& track) { return track.kind == TrackKind::stream; });
  if (!has_kernels) of_ = 0;
  count(frame, data, range);
  std::string caption =
      fmt::format("{}, {}", of_selection ? "of the selection" : "of what is visible",
                  format_duration(range.length()));
  if (counting_ != nullptr) {
    caption += fmt::format(" · {} of {} events counted",
                           grouped(static_cast<int64_t>(counting_->counted())),
                           grouped(static_cast<int64_t>(counting_->events())));
  }
  Rect inner = pane(frame, "timeline.statistics", area, "Statistics", caption);
  if (has_kernels) {
    constexpr std::array<const char*, 2> kOf = {"operations", "kernels"};
    ImGui::SetCursorScreenPos({area.right() - frame.px(220), area.y + frame.px(6)});
    segmented(frame, "timeline.by", kOf, of_);
  }
  if (!sorted_) {
    sort_rows(rows_, sort_, descending_, overview.names);
    sorted_ = true;
  }
  // The name takes what is left of at most a readable width.
  const float number = frame.px(96);
  const float width = std::min(inner.w - frame.px(12), frame.px(300) + 5 * number);
  std::array<float, 6> edges{};
  edges[0] = inner.x + width - 5 * number;
  for (size_t c = 1; c < edges.size(); ++c) edges[c] = edges[c - 1] + number;
  draw_head(frame, inner.take_top(frame.px(22)), edges);
  if (rows_.empty() && counting_ == nullptr) {
    draw_text(*ImGui::GetWindowDrawList(), frame.theme.fonts.small,
              {inner.x, inner.y + frame.px(6)}, frame.palette().text2,
              "No event lies in this range.");
    return;
  }
  draw_rows(frame, inner, edges, overview);
}

void TimelineStatisticsPane::draw_head(Frame& frame, const Rect& line,
                                       std::span<const float> edges) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.small;
  for (size_t c = 0; c < kColumns.size(); ++c) {
    const float left = c == 0 ? line.x : edges[c - 1];
    const Canvas cell = canvas(frame, kColumns[c].name, {left, line.y, edges[c] - left, line.h});
    if (cell.clicked) {
      // Numbers begin with the largest, names with the first.
      descending_ = sort_ == kColumns[c].id ? !descending_ : c != 0;
      sort_ = kColumns[c].id;
      sorted_ = false;
    }
    if (cell.hovered) tooltip(frame, kColumns[c].tip);
    const bool chosen = sort_ == kColumns[c].id;
    std::string label = kColumns[c].label;
    if (chosen)
      label = c == 0 ? label + (descending_ ? " ↓" : " ↑") : (descending_ ? "↓ " : "↑ ") + label;
    const ImU32 color = chosen || cell.hovered ? p.text : p.text2;
    if (c == 0) {
      draw_text(list, font, {line.x, line.y + frame.px(2)}, color, label);
    } else {
      draw_text(list, font, {edges[c], line.y + frame.px(2)}, color, label, Align::right);
    }
  }
  horizontal_line(list, line.x, edges.back(), line.bottom() - 1, p.line);
}

void TimelineStatisticsPane::draw_rows(Frame& frame, const Rect& area, std::span<const float> edges,
                                       const Overview& overview) {
  const Palette& p = frame.palette();
  ImFont* const font = frame.theme.fonts.text;
  const float height = std::round(font->FontSize + frame.px(5));
  ImGui::SetCursorScreenPos(area.min());
  ImGui::BeginChild("timeline.statistics.rows", {area.w, area.h});
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const ImU32 text = counting_ == nullptr ? p.text : p.text2;  // of the range before
  ImGuiListClipper clipper;
  clipper.Begin(static_cast<int>(rows_.size()), height);
  const float origin = ImGui::GetCursorScreenPos().y;
  while (clipper.Step()) {
    for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
      const StatisticsRow& row = rows_[static_cast<size_t>(i)];
      const float y = origin + static_cast<float>(i) * height;
      const float box = frame.px(10);
      const float middle = std::round(y + (height - box) / 2);
      list.AddRectFilled({area.x, middle}, {area.x + box, middle + box},
                         kind_color(p, TrackKind::operations, row.category), frame.px(2));
      const bool known = row.name >= 0 && static_cast<size_t>(row.name) < overview.names.size();
      const std::string name =
          known ? overview.names[static_cast<size_t>(row.name)] : std::string("-");
      const float text_y = std::round(y + (height - font->FontSize) / 2);
      draw_text_fitted(list, font, {area.x + box + frame.px(7), text_y},
                       edges[0] - area.x - box - frame.px(15), text, name);
      const std::array<std::string, 5> cells = {
          grouped(static_cast<int64_t>(row.count)), format_duration(row.total_ns),
          format_duration(row.median_ns), format_duration(row.p99_ns),
          fmt::format("{:.1f} %", 100 * row.share)};
      for (size_t c = 0; c < cells.size(); ++c) {
        draw_text(list, font, {edges[c + 1], text_y}, text, cells[c], Align::right);
      }
      // The share as a bar, where there is room.
      const float bar_x = edges.back() + frame.px(16);
      const float room = std::min(frame.px(320), area.right() - frame.px(16) - bar_x);
      if (room > frame.px(60)) {
        const float length = room * static_cast<float>(std::min(1., row.share));
        list.AddRectFilled({bar_x, middle}, {bar_x + room, middle + box}, p.grid, frame.px(2));
        list.AddRectFilled({bar_x, middle}, {bar_x + std::max(1.f, length), middle + box},
                           kind_color(p, TrackKind::operations, row.category), frame.px(2));
      }
      frame.items.add("timeline.row." + std::to_string(i),
                      {area.x, y, edges.back() - area.x, height},
                      name + " " + cells[0] + " " + cells[1] + " " + cells[2] + " " + cells[3] +
                          " " + cells[4]);
    }
  }
  ImGui::EndChild();
}

}  // namespace kvreel::viewer
