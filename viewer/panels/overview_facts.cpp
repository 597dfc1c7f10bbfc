// What a trace is: state, warnings, model, recording.
#include <algorithm>
#include <array>
#include <cmath>

#include "viewer/panels/overview_panes.h"

namespace kvreel::viewer {
namespace {

// Said by trace_facts() or by the runs' table.
constexpr std::array<std::string_view, 4> kShownElsewhere = {"trace", "status", "runs", "rows"};

float wrapped_height(ImFont* font, std::string_view text, float width) {
  return font->CalcTextSizeA(font->FontSize, FLT_MAX, width, text.data(), text.data() + text.size())
      .y;
}

void draw_wrapped(ImDrawList& list, ImFont* font, ImVec2 at, float width, ImU32 color,
                  std::string_view text) {
  list.AddText(font, font->FontSize, {std::round(at.x), std::round(at.y)}, color, text.data(),
               text.data() + text.size(), width);
}

// A triangle with an exclamation mark.
void draw_warning_sign(Frame& frame, ImDrawList& list, ImVec2 at) {
  const Palette& p = frame.palette();
  const float r = frame.px(7);
  list.AddTriangleFilled({at.x, at.y - r}, {at.x + r * 1.1f, at.y + r * 0.85f},
                         {at.x - r * 1.1f, at.y + r * 0.85f}, p.warning);
  const float w = std::max(1.f, frame.px(1.5f));
  list.AddRectFilled({std::round(at.x - w / 2), at.y - r * 0.4f},
                     {std::round(at.x - w / 2) + w, at.y + r * 0.25f}, p.pane);
  list.AddRectFilled({std::round(at.x - w / 2), at.y + r * 0.42f},
                     {std::round(at.x - w / 2) + w, at.y + r * 0.66f}, p.pane);
}

// Draws downwards from the top of a scrolled area.
class FactWriter {
 public:
  FactWriter(Frame& frame, const Rect& area) : frame_(frame), area_(area), y_(area.y) {}

  float height() const { return y_ - area_.y; }
  void space(float px) { y_ += frame_.px(px); }
  void heading(std::string_view title) {
    space(8);
    draw_text(list(), small(), {area_.x, y_}, frame_.palette().text2, title);
    y_ += small()->FontSize + frame_.px(3);
    horizontal_line(list(), area_.x, area_.right(), y_, frame_.palette().line);
    space(6);
  }
  void fact(const Fact& fact) {
    if (area_.w < frame_.px(225)) {
      stacked(fact);
      return;
    }
    const float column = frame_.px(98);
    const float width = area_.w - column;
    const float small_y = y_ + (text()->FontSize - small()->FontSize) * 0.65f;
    draw_text_fitted(list(), small(), {area_.x, small_y}, column - frame_.px(8),
                     frame_.palette().text2, fact.label);
    draw_wrapped(list(), small(), {area_.x + column, small_y}, width, frame_.palette().text,
                 fact.value);
    y_ += std::max(small()->FontSize, wrapped_height(small(), fact.value, width)) + frame_.px(6);
  }
  void warning(const std::string& sentence) {
    const float indent = frame_.px(26);
    const float width = area_.w - indent - frame_.px(8);
    const float high = wrapped_height(small(), sentence, width);
    const Rect box{area_.x, y_, area_.w, high + frame_.px(12)};
    list().AddRectFilled(box.min(), box.max(),
                         mix(frame_.palette().pane, frame_.palette().warning, 0.14f), frame_.px(5));
    draw_warning_sign(frame_, list(), {box.x + frame_.px(13), box.y + frame_.px(14)});
    draw_wrapped(list(), small(), {box.x + indent, box.y + frame_.px(6)}, width,
                 frame_.palette().text, sentence);
    y_ += box.h + frame_.px(6);
  }
  // The state: a filled dot and words.
  void state(const Overview& overview) {
    const bool fine = !overview.live && !overview.killed && overview.status == "complete";
    const ImU32 color = overview.live ? frame_.palette().accent
                        : fine        ? frame_.palette().good
                                      : frame_.palette().warning;
    const float middle = y_ + text()->FontSize / 2;
    if (fine || overview.live) {
      list().AddCircleFilled({area_.x + frame_.px(7), middle}, frame_.px(5), color, 20);
    } else {
      draw_warning_sign(frame_, list(), {area_.x + frame_.px(8), middle});
    }
    draw_text_fitted(list(), text(), {area_.x + frame_.px(22), y_}, area_.w - frame_.px(22),
                     frame_.palette().text, overview.status);
    y_ += text()->FontSize + frame_.px(8);
  }

 private:
  // Where there is little room, the value below its label.
  void stacked(const Fact& fact) {
    draw_text(list(), small(), {area_.x, y_}, frame_.palette().text2, fact.label);
    y_ += small()->FontSize + frame_.px(1);
    draw_wrapped(list(), small(), {area_.x, y_}, area_.w, frame_.palette().text, fact.value);
    y_ += wrapped_height(small(), fact.value, area_.w) + frame_.px(7);
  }
  ImDrawList& list() { return *ImGui::GetWindowDrawList(); }
  ImFont* text() { return frame_.theme.fonts.text; }
  ImFont* small() { return frame_.theme.fonts.small; }
  Frame& frame_;
  Rect area_;
  float y_;
};

}  // namespace

void RunFactsPane::draw(Frame& frame, const Rect& area, const RunBook& book) {
  const auto overview = frame.session.overview();
  const Rect inner = pane(frame, "overview.facts.pane", area, "Trace",
                          overview ? std::string_view(overview->file) : std::string_view());
  if (!ready(frame, inner, overview)) return;
  if (overview_ != overview.value) {
    overview_ = overview.value;
    trace_ = trace_facts(*overview_);
    recording_ = parse_facts(overview_->facts);
    std::erase_if(recording_, [](const Fact& fact) {
      return std::find(kShownElsewhere.begin(), kShownElsewhere.end(), fact.label) !=
             kShownElsewhere.end();
    });
  }
  ImGui::SetCursorScreenPos(inner.min());
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0, 0});
  ImGui::BeginChild("overview.facts", {inner.w + frame.px(6), inner.h});
  ImGui::PopStyleVar();
  const ImVec2 at = ImGui::GetCursorScreenPos();
  FactWriter writer(frame, {at.x, at.y, inner.w - frame.px(8), inner.h});
  writer.state(*overview_);
  frame.items.add("overview.state", inner, overview_->status);
  int warnings = 0;
  const auto warn = [&](const std::string& sentence) {
    frame.items.add("overview.warning." + std::to_string(warnings++), inner, sentence);
    writer.warning(sentence);
  };
  for (const std::string& sentence : overview_->warnings) warn(sentence);
  for (const std::string& sentence : book.failures()) warn(sentence);
  for (const Fact& fact : trace_) writer.fact(fact);
  writer.heading("Recording");
  for (const Fact& fact : recording_) writer.fact(fact);
  ImGui::Dummy({1, writer.height()});
  ImGui::EndChild();
}

}  // namespace kvreel::viewer
