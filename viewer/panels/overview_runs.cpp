// The runs of all open traces, and the choice of reference and compared runs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "viewer/panels/overview_panes.h"
#include "viewer/panels/run_choice.h"

namespace kvreel::viewer {
namespace {

constexpr float kReferenceX = 16;  // middles of what the lead shows, from its left
constexpr float kCompareX = 42;
constexpr float kSwatchX = 64;
constexpr float kLead = 78;

RunRef ref_of(const RunOfTable& run) {
  return {run.source.trace, run.source.run};
}

void draw_radio(Frame& frame, ImDrawList& list, ImVec2 c, bool on) {
  const Palette& p = frame.palette();
  const float r = frame.px(6);
  list.AddCircleFilled(c, r, on ? p.accent : p.raised, 24);
  list.AddCircleFilled(c, on ? r * 0.42f : r - std::max(1.f, frame.px(1)),
                       on ? p.accent_text : p.pane, 24);
  if (!on) list.AddCircle(c, r - 0.5f, p.text2, 24);
}

}  // namespace

void RunsPane::refresh(Frame& frame, const RunBook& book) {
  const size_t traces = frame.library.traces().size();
  if (version_ == book.version() && traces_ == traces) return;
  version_ = book.version();
  traces_ = traces;
  grid_ = runs_grid(book.runs(), traces > 1);
  // Columns move when a second trace comes: the old number is another column.
  if (order_.column >= static_cast<int>(grid_.columns.size())) order_ = {};
  shown_ = sorted_rows(grid_, order_);
}

void RunsPane::draw_lead(Frame& frame, RunRef run, int row, const Rect& place) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const View& view = frame.session.view();
  const bool reference = run == view.reference;
  const bool compared = is_compared(view, run);
  const float y = std::round(place.y + place.h / 2);
  const auto at = [&](float x) { return ImVec2{place.x + frame.px(x), y}; };
  draw_radio(frame, list, at(kReferenceX), reference);
  if (!reference) draw_check(frame, list, at(kCompareX), compared);
  const float r = frame.px(5);
  const ImVec2 swatch = at(kSwatchX);
  if (reference || compared) {
    list.AddRectFilled({swatch.x - r, swatch.y - r}, {swatch.x + r, swatch.y + r},
                       run_color(frame, run), frame.px(3));
  }
  const auto item = [&](const char* kind, float x, bool on) {
    const float half = frame.px(11);
    frame.items.add(fmt::format("overview.{}.{}", kind, row),
                    {place.x + frame.px(x) - half, y - half, 2 * half, 2 * half},
                    on ? "on" : "off");
  };
  item("reference", kReferenceX, reference);
  item("compare", kCompareX, compared);
}

void RunsPane::act(Frame& frame, const RunBook& book, const GridEvents& events) {
  if (events.hovered < 0) return;
  const RunRef run = ref_of(book.runs()[static_cast<size_t>(events.hovered)]);
  Hover& hover = frame.session.next_hover();
  hover.run = run;
  const bool on_reference =
      events.in_lead && events.lead_x < frame.px((kReferenceX + kCompareX) / 2);
  const bool on_compare = events.in_lead && !on_reference;
  if (on_reference) {
    hover.text = "Compare the others with " + frame.session.run_label(run);
    tooltip(frame, "Reference: agreement and shares of the other runs are beside this one.");
  } else if (on_compare) {
    hover.text = "Compare " + frame.session.run_label(run) + " with the reference";
    tooltip(frame, "Shown on the compare page.");
  } else {
    hover.text = frame.session.run_label(run) + ": click to choose, double click to replay";
  }
  if (events.double_clicked >= 0 && !events.in_lead) {
    choose_run(frame, run);
    frame.session.go(Page::replay);
    return;
  }
  if (events.clicked < 0) return;
  if (on_reference) {
    choose_reference(frame, run);
  } else if (on_compare) {
    toggle_compared(frame, run);
  } else {
    choose_run(frame, run);
  }
}

void RunsPane::draw(Frame& frame, const Rect& area, const RunBook& book) {
  refresh(frame, book);
  const View& view = frame.session.view();
  const std::string caption =
      fmt::format("{} runs · reference {} · {} compared", grid_.rows.size(),
                  frame.session.run_label(view.reference), view.compared.size());
  Rect inner = pane(frame, "overview.runs.pane", area, "Runs", caption);
  inner.x -= frame.px(4);
  inner.w += frame.px(8);
  GridOptions options;
  options.lead_width = frame.px(kLead);
  options.bar = mix(frame.palette().pane, frame.palette().kept, 0.85f);
  const auto& hovered = frame.session.hover().run;
  for (size_t row = 0; row < book.runs().size(); ++row) {
    const RunRef run = ref_of(book.runs()[row]);
    if (run == view.run) options.selected = static_cast<int>(row);
    if (hovered && run == *hovered) options.highlighted = static_cast<int>(row);
  }
  options.draw_lead = [&](int row, const Rect& place) {
    draw_lead(frame, ref_of(book.runs()[static_cast<size_t>(row)]), row, place);
  };
  // The heads of the lead's two columns.
  const Rect head{inner.x, inner.y, frame.px(kLead), frame.px(26)};
  const float y = head.y + (head.h - frame.theme.fonts.small->FontSize) / 2;
  ImDrawList& list = *ImGui::GetWindowDrawList();
  draw_text(list, frame.theme.fonts.small, {head.x + frame.px(kReferenceX), y},
            frame.palette().text2, "Ref.", Align::center);
  draw_text(list, frame.theme.fonts.small, {head.x + frame.px(kCompareX + 8), y},
            frame.palette().text2, "Cmp.", Align::center);
  const GridEvents events =
      table_.draw(frame, "overview.runs", inner, grid_, version_, shown_, order_, options);
  if (events.sorted) shown_ = sorted_rows(grid_, order_);
  act(frame, book, events);
}

}  // namespace kvreel::viewer
