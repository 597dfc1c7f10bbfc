// Dividing an area, and dragging where it is divided.
#include "viewer/panels/split_panes.h"

#include <algorithm>
#include <cmath>

namespace kvreel::viewer {

SplitPanes split_panes(Frame& frame, const char* name, const Rect& area,
                       const SplitOptions& options, std::optional<float>& share) {
  const bool beside = options.beside;
  const float gap = frame.px(8);
  const float room = std::max((beside ? area.w : area.h) - gap, 0.f);  // of both panes
  const float begin = beside ? area.x : area.y;
  const float least_both = options.least_first + options.least_second;
  const auto place = [&](float first) {
    const float least = least_both > room && least_both > 0
                            ? room * options.least_first / least_both
                            : options.least_first;
    const float most = least_both > room ? least : room - options.least_second;
    return std::round(std::clamp(first, least, most));
  };
  const auto gap_at = [&](float first) {
    return beside ? Rect{begin + first, area.y, gap, area.h}
                  : Rect{area.x, begin + first, area.w, gap};
  };
  const float usual = options.of_second ? room - options.usual : options.usual;
  float first = place(share ? *share * room : usual);

  const Canvas c = canvas(frame, name, gap_at(first));
  // Where in the gap it was taken hold of, so that it does not jump.
  ImGuiStorage& storage = *ImGui::GetStateStorage();
  const ImGuiID held = ImGui::GetID(name);
  const float mouse = beside ? c.mouse.x : c.mouse.y;
  if (c.hovered && ImGui::IsMouseClicked(ImGuiMouseButton_Left)) {
    storage.SetFloat(held, mouse - begin - first);
  }
  if (c.double_clicked) {
    share.reset();
    first = place(usual);
    if (frame.log) frame.log(std::string("restore ") + name);
  } else if (c.dragging && room > 0) {
    first = place(mouse - begin - storage.GetFloat(held));
    share = first / room;
  }
  if (c.hovered || c.dragging) {
    ImGui::SetMouseCursor(beside ? ImGuiMouseCursor_ResizeEW : ImGuiMouseCursor_ResizeNS);
    const Rect here = gap_at(first);
    const ImU32 color = c.dragging ? frame.palette().accent : frame.palette().text2;
    ImDrawList& list = *ImGui::GetWindowDrawList();
    const float middle = std::round(frame.px(3));
    if (beside) {
      vertical_line(list, here.x + middle, here.y + frame.px(6), here.bottom() - frame.px(6), color,
                    frame.px(2));
    } else {
      horizontal_line(list, here.x + frame.px(6), here.right() - frame.px(6), here.y + middle,
                      color, frame.px(2));
    }
  }

  SplitPanes panes;
  Rect rest = area;
  if (beside) {
    panes.first = rest.take_left(first);
    rest.take_left(gap);
  } else {
    panes.first = rest.take_top(first);
    rest.take_top(gap);
  }
  panes.second = rest;
  return panes;
}

}  // namespace kvreel::viewer
