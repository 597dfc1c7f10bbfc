// The samples of the current run beside the reference.
#include <fmt/format.h>

#include <algorithm>

#include "viewer/model/sample_table.h"
#include "viewer/model/ticks.h"
#include "viewer/panels/overview_panes.h"
#include "viewer/panels/run_choice.h"

namespace kvreel::viewer {

void SamplesPane::refresh(Frame& frame, const RunBook& book) {
  const View& view = frame.session.view();
  const std::string wanted(filter_.data());
  const bool new_grid = version_ != book.version() || run_ != view.run || grids_ == 0;
  if (new_grid) {
    const RunOfTable* run = book.find(view.run);
    const RunOfTable* reference = book.find(view.reference);
    grid_ = run == nullptr || reference == nullptr
                ? Grid{}
                : samples_grid(run->source, run->figures, reference->figures);
    version_ = book.version();
    run_ = view.run;
    ++grids_;
    if (order_.column >= static_cast<int>(grid_.columns.size())) order_ = {};
    selected_.clear();  // rows are others: scroll to the chosen one
  }
  if (!new_grid && wanted == filtered_) return;
  filtered_ = wanted;
  shown_ = sorted_rows(grid_, order_);
  std::erase_if(shown_, [&](size_t row) { return !row_contains(grid_, row, filtered_); });
}

void SamplesPane::draw(Frame& frame, const Rect& area, const RunBook& book) {
  refresh(frame, book);
  const View& view = frame.session.view();
  const std::string caption = fmt::format(
      "{}{} of {} · {} beside {}",
      filtered_.empty() ? "" : "filtered: ", grouped(static_cast<int64_t>(shown_.size())),
      grouped(static_cast<int64_t>(grid_.rows.size())), frame.session.run_label(view.run),
      frame.session.run_label(view.reference));
  const float field = std::min(frame.px(190), area.w * 0.3f);
  Rect inner = pane(frame, "overview.samples.pane", area, "Samples", caption, field + frame.px(20));
  ImGui::SetCursorScreenPos({area.right() - field - frame.px(10), area.y + frame.px(7)});
  ImGui::SetNextItemWidth(field);
  if (frame.pressed({KeyPress::kSlash})) ImGui::SetKeyboardFocusHere();
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {frame.px(8), frame.px(3)});
  ImGui::InputTextWithHint("##overview.samples.filter", "Filter", filter_.data(), filter_.size());
  ImGui::PopStyleVar();
  frame.items.add("overview.samples.filter", last_item_rect(), filter_.data());
  if (ImGui::IsItemHovered() && !ImGui::IsItemActive())
    tooltip(frame, "Samples or groups that contain this ( / )");

  inner.x -= frame.px(4);
  inner.w += frame.px(8);
  if (shown_.empty()) {
    const auto overview = frame.session.overview();
    const char* const none = overview && overview->live ? "No samples yet" : "No samples";
    message(frame, inner, grid_.rows.empty() ? none : "No sample contains this", filtered_);
    return;
  }
  GridOptions options;
  options.bar = mix(frame.palette().pane, frame.palette().kept, 0.85f);
  const auto here = std::find_if(grid_.rows.begin(), grid_.rows.end(), [&](const GridRow& row) {
    return row.cells.front().text == view.sample;
  });
  if (here != grid_.rows.end()) {
    options.selected = static_cast<int>(here - grid_.rows.begin());
    if (selected_ != view.sample) table_.reveal(static_cast<size_t>(options.selected));
  }
  selected_ = view.sample;
  const GridEvents events =
      table_.draw(frame, "overview.samples", inner, grid_, grids_, shown_, order_, options);
  if (events.sorted) {
    shown_ = sorted_rows(grid_, order_);
    std::erase_if(shown_, [&](size_t row) { return !row_contains(grid_, row, filtered_); });
  }
  if (events.hovered < 0) return;
  const std::string& sample = grid_.rows[static_cast<size_t>(events.hovered)].cells.front().text;
  frame.session.next_hover().text = sample + ": click to choose, double click to replay";
  if (events.clicked >= 0 || events.double_clicked >= 0) {
    choose_sample(frame, sample);
    selected_ = sample;  // it is visible already
  }
  if (events.double_clicked >= 0) frame.session.go(Page::replay);
}

}  // namespace kvreel::viewer
