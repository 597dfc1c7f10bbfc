// Drawing of tables.
#include "viewer/panels/grid_table.h"

#include <imgui_internal.h>

#include <algorithm>
#include <cmath>

namespace kvreel::viewer {
namespace {

// Of tables with many rows the longest text's: measuring every cell of thousands would be slow.
float widest(ImFont* font, const Grid& grid, size_t column, std::string GridCell::*member) {
  constexpr size_t kMeasured = 256;
  float width = 0;
  const std::string* longest = nullptr;
  for (const GridRow& row : grid.rows) {
    const std::string& text = row.cells[column].*member;
    if (grid.rows.size() <= kMeasured) width = std::max(width, text_width(font, text));
    if (longest == nullptr || text.size() > longest->size()) longest = &text;
  }
  if (longest != nullptr) width = std::max(width, text_width(font, *longest));
  return std::ceil(width);
}

std::string row_text(const Grid& grid, size_t row) {
  std::string text;
  for (const GridCell& cell : grid.rows[row].cells) {
    if (!text.empty()) text += " | ";
    text += cell.text;
    if (!cell.detail.empty()) text += " " + cell.detail;
  }
  return text;
}

// An arrow of the header that is sorted by.
void draw_arrow(Frame& frame, ImDrawList& list, ImVec2 at, bool down) {
  const float r = frame.px(4);
  const float sign = down ? 1.f : -1.f;
  list.AddTriangleFilled({at.x - r, at.y - sign * r * 0.5f}, {at.x + r, at.y - sign * r * 0.5f},
                         {at.x, at.y + sign * r * 0.8f}, frame.palette().accent);
}

}  // namespace

void draw_mark(Frame& frame, ImDrawList& list, ImVec2 at, bool good) {
  const Palette& p = frame.palette();
  const float r = frame.px(4.5f);
  const float thick = std::max(1.5f, frame.px(2));
  const ImVec2 c{std::round(at.x), std::round(at.y)};
  if (good) {
    const ImVec2 tick[] = {{c.x - r, c.y}, {c.x - r * 0.25f, c.y + r * 0.75f}, {c.x + r, c.y - r}};
    list.AddPolyline(tick, 3, p.good, 0, thick);
  } else {
    list.AddLine({c.x - r * 0.8f, c.y - r * 0.8f}, {c.x + r * 0.8f, c.y + r * 0.8f}, p.warning,
                 thick);
    list.AddLine({c.x - r * 0.8f, c.y + r * 0.8f}, {c.x + r * 0.8f, c.y - r * 0.8f}, p.warning,
                 thick);
  }
}

float GridTable::height(const Frame& frame, size_t rows) {
  return frame.px(28) + row_height(frame) * static_cast<float>(rows) + frame.px(2);
}

void GridTable::measure(Frame& frame, const Grid& grid, uint64_t version, float room) {
  ImFont* const font = frame.theme.fonts.text;
  if (measured_ == &grid && version_ == version && room_ == room && font_ == font &&
      font_size_ == font->FontSize) {
    return;
  }
  measured_ = &grid;
  version_ = version;
  room_ = room;
  font_ = font;
  font_size_ = font->FontSize;
  // Closer together where they would not fit.
  set_widths(frame, grid, frame.px(8), frame.px(210));
  if (total_ > room) set_widths(frame, grid, frame.px(6), frame.px(155));
  if (columns_.empty()) return;
  const float gap = 2 * pad_;
  // What is left over: first for the whole names, then evenly.
  float left = room - total_;
  if (left > 0) {
    const float wanted = std::max(0.f, columns_[0].text + gap - columns_[0].width);
    const float given = std::floor(std::min(left, wanted));
    columns_[0].width += given;
    left -= given;
    const float each =
        std::min(frame.px(64), std::floor(left / static_cast<float>(columns_.size())));
    for (Column& column : columns_) column.width += each;
  }
  total_ = 0;
  for (Column& column : columns_) {
    column.x = total_;
    total_ += column.width;
  }
  shorten_names(grid);
}

// So that runs with a long name in common are told apart. Each is held against all others: of
// tables with many rows, which are of samples, names are cut at their end as other text is.
void GridTable::shorten_names(const Grid& grid) {
  constexpr size_t kMost = 256;
  names_.clear();
  if (grid.columns[0].right || grid.rows.size() > kMost) return;
  std::vector<std::string> all;
  for (const GridRow& row : grid.rows) all.push_back(row.cells[0].text);
  for (const std::string& name : all) {
    names_.push_back(fitted_label(font_, columns_[0].width - 2 * pad_, name, all));
  }
}

void GridTable::set_widths(Frame& frame, const Grid& grid, float pad, float most_name) {
  ImFont* const font = frame.theme.fonts.text;
  ImFont* const small = frame.theme.fonts.small;
  pad_ = pad;
  columns_.assign(grid.columns.size(), {});
  total_ = 0;
  for (size_t c = 0; c < columns_.size(); ++c) {
    Column& column = columns_[c];
    column.text = widest(font, grid, c, &GridCell::text);
    column.detail = widest(small, grid, c, &GridCell::detail);
    float content = column.text + (column.detail > 0 ? frame.px(7) + column.detail : 0);
    // Long names give way to numbers; all of them is in the tooltip.
    if (!grid.columns[c].right) content = std::min(content, c == 0 ? most_name : frame.px(150));
    const float title = text_width(small, grid.columns[c].title) + frame.px(11);
    column.width = std::round(std::max(content, title) + 2 * pad_);
    total_ += column.width;
  }
}

void GridTable::draw_header(Frame& frame, const char* name, const Rect& area, const Grid& grid,
                            GridOrder& order, GridEvents& events) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const small = frame.theme.fonts.small;
  const auto header = [&](size_t c, float clip_left) {
    const Column& column = columns_[c];
    const float shift = c == 0 ? 0 : scroll_x_;
    Rect cell{area.x + lead_ + column.x - shift, area.y, column.width, area.h};
    const float left = std::max(cell.x, clip_left);
    const float right = std::min(cell.right(), area.right());
    if (right - left < frame.px(4)) return;
    list.PushClipRect({left, area.y}, {right, area.bottom()}, true);
    const std::string item = std::string(name) + ".sort." + grid.columns[c].key;
    const Canvas hit = canvas(frame, item.c_str(), {left, cell.y, right - left, cell.h});
    const bool sorted = order.column == static_cast<int>(c);
    const ImU32 color = sorted || hit.hovered ? p.text : p.text2;
    const float y = cell.y + (cell.h - small->FontSize) / 2;
    const float middle = cell.y + cell.h / 2;
    const float title = text_width(small, grid.columns[c].title);
    if (grid.columns[c].right) {
      const float x = cell.right() - pad_;
      draw_text(list, small, {x, y}, color, grid.columns[c].title, Align::right);
      if (sorted) draw_arrow(frame, list, {x - title - frame.px(9), middle}, order.descending);
    } else {
      draw_text(list, small, {cell.x + pad_, y}, color, grid.columns[c].title);
      if (sorted)
        draw_arrow(frame, list, {cell.x + title + frame.px(18), middle}, order.descending);
    }
    list.PopClipRect();
    if (hit.hovered) {
      const std::string tip =
          grid.columns[c].title + ": " + grid.columns[c].meaning + "\nClick to sort.";
      tooltip(frame, tip);
    }
    if (hit.clicked) {
      order = next_order(order, static_cast<int>(c));
      events.sorted = true;
    }
  };
  const float frozen = area.x + lead_ + columns_[0].width;
  for (size_t c = 1; c < columns_.size(); ++c) header(c, frozen);
  header(0, area.x);
  horizontal_line(list, area.x, area.right(), area.bottom() - 1, p.line);
}

void GridTable::draw_cell(Frame& frame, const GridColumn& column, const Column& at,
                          const GridCell& cell, const std::string& text, const Rect& place,
                          ImU32 bar) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.text;
  ImFont* const small = frame.theme.fonts.small;
  const float pad = pad_;
  const bool bars = cell.share.has_value();
  const float lift = bars ? frame.px(2) : 0;
  const float y = place.y + (place.h - font->FontSize) / 2 - lift;
  const float small_y = y + (font->FontSize - small->FontSize) * 0.65f;
  const ImU32 color = cell.text == "-" ? p.text2 : p.text;
  if (!column.right) {
    draw_text_fitted(list, font, {place.x + pad, y}, place.w - 2 * pad, color, text);
    return;
  }
  float right = place.right() - pad;
  if (cell.mark) {
    draw_mark(frame, list, {right - frame.px(6), place.y + place.h / 2}, *cell.mark);
    return;
  }
  if (!cell.detail.empty())
    draw_text(list, small, {right, small_y}, p.text2, cell.detail, Align::right);
  if (at.detail > 0) right -= at.detail + frame.px(7);
  draw_text(list, font, {right, y}, color, text, Align::right);
  if (!bars) return;
  const float height = frame.px(3);
  const float width = at.text + (at.detail > 0 ? at.detail + frame.px(7) : 0);
  const Rect track{std::round(place.right() - pad - width), place.bottom() - frame.px(6), width,
                   height};
  list.AddRectFilled(track.min(), track.max(), p.raised, height / 2);
  const float share = std::clamp(static_cast<float>(*cell.share), 0.f, 1.f);
  if (share > 0) {
    list.AddRectFilled(track.min(),
                       {track.x + std::max(height, std::round(track.w * share)), track.bottom()},
                       bar, height / 2);
  }
}

void GridTable::draw_row(Frame& frame, const Grid& grid, size_t row, const Rect& place,
                         const GridOptions& options) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const ImU32 bar = options.bar != 0 ? options.bar : mix(p.pane, p.text, 0.45f);
  const bool selected = static_cast<int>(row) == options.selected;
  const bool lit = static_cast<int>(row) == options.highlighted;
  ImU32 ground = p.pane;
  if (lit) ground = mix(p.pane, p.hovered, 0.55f);
  if (selected) ground = p.selected;
  const float round = frame.px(4);
  if (selected || lit) list.AddRectFilled(place.min(), place.max(), ground, round);
  const float frozen = place.x + lead_ + columns_[0].width;
  list.PushClipRect({frozen, place.y}, place.max(), true);
  for (size_t c = 1; c < columns_.size(); ++c) {
    const Rect cell{place.x + lead_ + columns_[c].x - scroll_x_, place.y, columns_[c].width,
                    place.h};
    if (cell.right() < frozen || cell.x > place.right()) continue;
    const GridCell& of_row = grid.rows[row].cells[c];
    draw_cell(frame, grid.columns[c], columns_[c], of_row, of_row.text, cell, bar);
  }
  list.PopClipRect();
  if (options.draw_lead)
    options.draw_lead(static_cast<int>(row), {place.x, place.y, lead_, place.h});
  const GridCell& first = grid.rows[row].cells[0];
  draw_cell(frame, grid.columns[0], columns_[0], first,
            row < names_.size() ? names_[row] : first.text,
            {place.x + lead_, place.y, columns_[0].width, place.h}, bar);
}

void GridTable::draw_tip(Frame& frame, const Grid& grid, size_t row, float x) {
  for (size_t c = 0; c < columns_.size(); ++c) {
    const float left = lead_ + columns_[c].x - (c == 0 ? 0 : scroll_x_);
    if (x < left || x >= left + columns_[c].width) continue;
    const GridCell& cell = grid.rows[row].cells[c];
    if (!cell.tip.empty()) {
      tooltip(frame, cell.tip);
    } else if (!grid.columns[c].right &&
               text_width(frame.theme.fonts.text, cell.text) > columns_[c].width - 2 * pad_) {
      tooltip(frame, cell.text);
    }
    return;
  }
}

GridEvents GridTable::draw(Frame& frame, const char* name, const Rect& area, const Grid& grid,
                           uint64_t version, const std::vector<size_t>& shown, GridOrder& order,
                           const GridOptions& options) {
  GridEvents events;
  if (grid.columns.empty() || area.w < frame.px(40) || area.h < frame.px(40)) return events;
  lead_ = options.lead_width;
  Rect body = area;
  const Rect head = body.take_top(frame.px(26));
  measure(frame, grid, version, area.w - lead_ - frame.px(14));
  draw_header(frame, name, head, grid, order, events);
  body.take_top(frame.px(2));

  const float row_h = row_height(frame);
  const float content = row_h * static_cast<float>(shown.size());
  ImGui::SetCursorScreenPos(body.min());
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0, 0});
  ImGui::SetNextWindowContentSize({lead_ + total_, content});
  ImGui::BeginChild(name, {body.w, body.h}, false, ImGuiWindowFlags_HorizontalScrollbar);
  ImGui::PopStyleVar();
  if (reveal_ >= 0) {
    const auto found = std::find(shown.begin(), shown.end(), static_cast<size_t>(reveal_));
    if (found != shown.end()) {
      const float top = row_h * static_cast<float>(found - shown.begin());
      const float visible = ImGui::GetCurrentWindow()->InnerRect.GetHeight();
      if (top < ImGui::GetScrollY() || top + row_h > ImGui::GetScrollY() + visible)
        ImGui::SetScrollY(std::max(0.f, top - visible / 2));
    }
    reveal_ = -1;
  }
  scroll_x_ = std::round(ImGui::GetScrollX());
  const ImRect inner = ImGui::GetCurrentWindow()->InnerRect;
  const Rect view{inner.Min.x, inner.Min.y, inner.GetWidth(), inner.GetHeight()};
  const float scroll_y = std::round(ImGui::GetScrollY());
  const Canvas hit = canvas(frame, (std::string(name) + ".rows").c_str(), view);
  if (hit.hovered) {
    const auto place =
        static_cast<size_t>(std::max(0.f, (hit.mouse.y - view.y + scroll_y) / row_h));
    if (place < shown.size()) {
      events.hovered = static_cast<int>(shown[place]);
      events.lead_x = hit.mouse.x - view.x;
      events.in_lead = events.lead_x < lead_;
      if (hit.clicked) events.clicked = events.hovered;
      if (hit.double_clicked) events.double_clicked = events.hovered;
    }
  }
  GridOptions look = options;
  if (events.hovered >= 0) look.highlighted = events.hovered;
  const auto first = static_cast<size_t>(scroll_y / row_h);
  for (size_t i = first; i < shown.size(); ++i) {
    const Rect place{view.x, std::round(view.y + row_h * static_cast<float>(i) - scroll_y), view.w,
                     row_h};
    if (place.y >= view.bottom()) break;
    draw_row(frame, grid, shown[i], place, look);
    frame.items.add(std::string(name) + ".row." + std::to_string(i), place,
                    row_text(grid, shown[i]));
  }
  ImGui::EndChild();
  if (events.hovered >= 0 && !events.in_lead)
    draw_tip(frame, grid, static_cast<size_t>(events.hovered), events.lead_x);
  return events;
}

}  // namespace kvreel::viewer
