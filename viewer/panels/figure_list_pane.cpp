// The list of figures.
#include <fmt/format.h>

#include <string>

#include "viewer/panels/figure_panes.h"

namespace kvreel::viewer {

void FigureListPane::draw(Frame& frame, const Rect& area, const FigureShown& shown) {
  const auto& all = exports::known_figures();
  const Rect inner = pane(frame, "figures.list.pane", area, "Figures",
                          fmt::format("{} of the open trace{}", all.size(),
                                      frame.library.traces().size() > 1 ? "s" : ""));
  ImGui::SetCursorScreenPos({inner.x - frame.px(4), inner.y});
  ImGui::BeginChild("figures.list", {inner.w + frame.px(8), inner.h});
  const float row = frame.px(44);
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  for (size_t i = 0; i < all.size(); ++i) {
    const exports::FigureInfo& info = all[i];
    const Rect place{origin.x, origin.y + row * static_cast<float>(i), width, row};
    const bool chosen = &info == shown.info;
    if (chosen && revealed_ != info.name) {
      revealed_ = info.name;
      const float y = place.y - origin.y;
      const float top = ImGui::GetScrollY();
      if (y < top) ImGui::SetScrollY(y);
      if (y + row > top + inner.h) ImGui::SetScrollY(y + row - inner.h);
    }
    if (place.bottom() <= inner.y || place.y >= inner.bottom()) continue;
    // Whether the others can be shown is found out after the one that is shown: it was asked for
    // first in this frame.
    const Loaded<plot::Figure> figure =
        chosen ? shown.figure
               : frame.library.figure_known(figure_request(frame.session, std::string(info.name)));
    draw_row(frame, place, info, chosen, figure);
  }
  ImGui::SetCursorScreenPos({origin.x, origin.y + row * static_cast<float>(all.size())});
  ImGui::EndChild();
}

void FigureListPane::draw_row(Frame& frame, const Rect& place, const exports::FigureInfo& info,
                              bool chosen, const Loaded<plot::Figure>& figure) {
  const Palette& p = frame.palette();
  const std::string name(info.name);
  const Canvas c = canvas(frame, ("figures.list." + name).c_str(), place);
  const bool failed = figure.state == LoadState::failed;
  // What it says to tests and scripts: whether it can be shown, as far as that is known.
  frame.items.add("figures.list." + name, place,
                  failed                             ? figure.error
                  : figure.state == LoadState::ready ? "ready"
                                                     : "");
  ImDrawList& list = *ImGui::GetWindowDrawList();
  if (chosen || c.hovered) {
    list.AddRectFilled(place.min(), place.max(), chosen ? p.selected : p.raised, frame.px(5));
  }
  const Rect text = place.inset(frame.px(4));
  const ImU32 quiet = mix(p.text2, p.pane, 0.3f);
  draw_text_fitted(list, frame.theme.fonts.text, {text.x + frame.px(4), text.y}, text.w,
                   failed ? quiet : p.text, info.name);
  draw_text_fitted(list, frame.theme.fonts.small, {text.x + frame.px(4), text.y + frame.px(20)},
                   text.w - frame.px(6), failed ? quiet : p.text2, info.meaning);
  if (c.hovered) {
    frame.session.next_hover().text = std::string(info.meaning);
    // Of the one that is shown the page says why not.
    if (failed && !chosen) tooltip(frame, figure.error);
    const bool cut = text_width(frame.theme.fonts.small, info.meaning) > text.w - frame.px(6);
    if (!failed && !chosen && cut) tooltip(frame, info.meaning);
  }
  if (c.clicked) {
    frame.session.view().figure.name = name;
    revealed_ = name;
  }
}

}  // namespace kvreel::viewer
