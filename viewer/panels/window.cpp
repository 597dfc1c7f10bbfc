// The frame around the pages: what is open, which page, which run and sample, and what the pointer
// is on.
#include "viewer/panels/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "viewer/panels/dialogs.h"
#include "viewer/panels/export_dialog.h"

namespace kvreel::viewer {
namespace {

constexpr std::array<const char*, kPages> kTabs = {"Overview", "Replay",    "Compare",
                                                   "Timeline", "Attention", "Figures"};

std::string file_name(const std::string& path) {
  return to_utf8_lossy(std::filesystem::path(path).filename().string());
}

}  // namespace

struct Window::Parts {
  FigureDesk desk;
  std::array<std::unique_ptr<PagePanel>, kPages> pages = {
      make_overview_page(), make_replay_page(),    make_compare_page(),
      make_timeline_page(), make_attention_page(), make_figures_page(desk)};
  OpenDialog open_dialog;
  ExportDialog export_dialog{desk};
  bool keys_shown = false;
  std::vector<std::string> recent;
  Rect page;
  Items panes;        // of the frame before
  std::string focus;  // the pane that was clicked last
  std::string notice;
  bool notice_warns = false;
  bool animating = false;

  void draw_top_bar(Frame& frame, Rect bar, Wishes& wishes);
  void draw_position(Frame& frame, const Rect& bar);
  void draw_page(Frame& frame, const Rect& area, Wishes& wishes);
  void draw_nothing_open(Frame& frame, const Rect& area, Wishes& wishes);
  void draw_failures(Frame& frame, Rect& area);
  void draw_status(Frame& frame, const Rect& bar);
  void handle_keys(Frame& frame, Wishes& wishes);
  void choose_focus(const Items& items);
  void show_export(Frame& frame);
};

// On the figures page the figure, else a picture of the pane that was clicked last.
void Window::Parts::show_export(Frame& frame) {
  if (frame.session.view().page == Page::figures) {
    export_dialog.show("figures.paper", true);
  } else {
    export_dialog.show(focus, false);
  }
}

void Window::Parts::draw_top_bar(Frame& frame, Rect bar, Wishes& wishes) {
  Session& session = frame.session;
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  const float row = ImGui::GetFrameHeight();
  ImGui::SetCursorScreenPos(bar.min());
  if (button(frame, "window.open", "Open", "Open a trace (Ctrl+O)")) open_dialog.show();
  ImGui::SameLine();
  if (button(frame, "window.export", "Export",
             "A picture of this page or a pane, or its figure (Ctrl+E)")) {
    show_export(frame);
  }
  ImGui::SameLine(0, frame.px(20));
  int page_number = static_cast<int>(session.view().page);
  if (segmented(frame, "page", kTabs, page_number)) session.go(static_cast<Page>(page_number));
  ImGui::SameLine(0, frame.px(20));
  const float after_tabs = ImGui::GetCursorScreenPos().x;

  const float icon = frame.px(64);
  ImGui::SetCursorScreenPos({bar.right() - icon, bar.y});
  if (button(frame, "window.theme", p.dark ? "Light" : "Dark", "Dark or light (T)")) {
    wishes.toggle_theme = true;
  }
  const float help = frame.px(44);
  ImGui::SetCursorScreenPos({bar.right() - icon - help, bar.y});
  if (button(frame, "window.keys", "F1", "Every key")) keys_shown = !keys_shown;

  // What is open, in what room is left.
  const float room = bar.right() - icon - help - after_tabs - frame.px(12);
  const auto overview = session.overview();
  std::string title;
  std::string facts;
  const auto& traces = frame.library.traces();
  if (overview) {
    title = to_utf8_lossy(overview->file);
    facts = fmt::format("{} layers \u00b7 {} samples \u00b7 {} runs", overview->layers,
                        overview->samples.size(), overview->runs.size());
    if (overview->live) facts = "recording \u00b7 " + facts;
    if (overview->killed) facts = "recorder was killed \u00b7 " + facts;
    if (traces.size() > 1) facts += fmt::format(" \u00b7 {} traces open", traces.size());
  }
  ImFont* const font = frame.theme.fonts.text;
  const float y = bar.y + (row - font->FontSize) / 2;
  draw_text_fitted(list, font, {after_tabs, y}, room, p.text, title);
  const float shown = std::min(room, text_width(font, title) + frame.px(12));
  draw_text_fitted(list, frame.theme.fonts.small, {after_tabs + shown, y + frame.px(2)},
                   room - shown, p.text2, facts);
  frame.items.add("window.title", {after_tabs, bar.y, room, row}, title + " " + facts);
}

// Run and sample, shared by all pages.
void Window::Parts::draw_position(Frame& frame, const Rect& bar) {
  Session& session = frame.session;
  const auto overview = session.overview();
  if (!overview) return;
  const std::vector<RunRef> runs = session.runs();
  std::vector<std::string> labels;
  int chosen = -1;
  for (size_t i = 0; i < runs.size(); ++i) {
    labels.push_back(to_utf8_lossy(session.run_label(runs[i])));
    if (runs[i] == session.view().run) chosen = static_cast<int>(i);
  }
  ImGui::SetCursorScreenPos(bar.min());
  ImGui::AlignTextToFramePadding();
  ImGui::TextDisabled("Run");
  ImGui::SameLine();
  const float width = std::clamp(bar.w * 0.26f, frame.px(160), frame.px(420));
  if (combo(frame, "run", labels, chosen, width)) {
    session.select_run(runs[static_cast<size_t>(chosen)]);
  }
  ImGui::SameLine(0, frame.px(18));
  ImGui::TextDisabled("Sample");
  ImGui::SameLine();
  const int sample = overview->find_sample(session.view().sample);
  const int count = static_cast<int>(overview->samples.size());
  const auto step_to = [&](int to) {
    if (to >= 0 && to < count) session.select_sample(overview->samples[static_cast<size_t>(to)].id);
  };
  if (button(frame, "sample.before", "\u2039", "Sample before (Page Up)")) step_to(sample - 1);
  ImGui::SameLine(0, frame.px(4));
  const auto id = [&](int i) {
    return to_utf8_lossy(overview->samples[static_cast<size_t>(i)].id);
  };
  int wanted = sample;
  if (combo(frame, "sample", count, id, wanted,
            std::clamp(bar.w * 0.16f, frame.px(120), frame.px(260)))) {
    step_to(wanted);
  }
  ImGui::SameLine(0, frame.px(4));
  if (button(frame, "sample.after", "\u203a", "Sample after (Page Down)")) step_to(sample + 1);
  ImGui::SameLine();
  ImGui::TextDisabled("%d of %d", sample + 1, count);

  // The prompt's and the pass's main figures.
  const PassInfo* pass =
      session.view().run.run >= 0 ? overview->pass(session.view().run.run, sample) : nullptr;
  if (pass == nullptr) return;
  ImGui::SameLine(0, frame.px(18));
  const std::string facts = fmt::format(
      "{} prompt tokens \u00b7 budget {:.1f} % \u00b7 cache {} of {} \u00b7 prefill {}",
      pass->prompt_tokens, 100 * pass->budget, format_bytes(pass->prefill_asked),
      format_bytes(pass->full_asked), format_duration(static_cast<double>(pass->prefill_ns)));
  const ImVec2 at = ImGui::GetCursorScreenPos();
  ImFont* const font = frame.theme.fonts.small;
  draw_text_fitted(*ImGui::GetWindowDrawList(), font,
                   {at.x, bar.y + (ImGui::GetFrameHeight() - font->FontSize) / 2},
                   bar.right() - at.x, frame.palette().text2, facts);
  frame.items.add("window.pass", {at.x, bar.y, bar.right() - at.x, bar.h}, facts);
}

void Window::Parts::draw_nothing_open(Frame& frame, const Rect& area, Wishes& wishes) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const float x = area.x + area.w / 2;
  float y = area.y + area.h * 0.3f;
  draw_text(list, frame.theme.fonts.title, {x, y}, p.text, "No trace is open", Align::center);
  y += frame.px(32);
  draw_text(list, frame.theme.fonts.text, {x, y}, p.text2,
            "Drop a trace here, or open one. Recording makes them:", Align::center);
  y += frame.px(24);
  draw_text(
      list, frame.theme.fonts.text, {x, y}, p.text2,
      "kvreel record --model DIRECTORY --prompts FILE --policy full --policy refreekv -o trace.h5",
      Align::center);
  y += frame.px(36);
  ImGui::SetCursorScreenPos({x - frame.px(44), y});
  if (button(frame, "empty.open", "Open ...", "Ctrl+O", true)) open_dialog.show();
  y += frame.px(56);
  if (recent.empty()) return;
  draw_text(list, frame.theme.fonts.small, {x, y}, p.text2, "Recent", Align::center);
  y += frame.px(22);
  for (size_t i = 0; i < recent.size() && i < 8; ++i) {
    const std::string name = fmt::format("empty.recent.{}", i);
    const Rect rect{x - frame.px(300), y, frame.px(600), frame.px(26)};
    const Canvas c = canvas(frame, name.c_str(), rect);
    if (c.hovered) list.AddRectFilled(rect.min(), rect.max(), p.raised, frame.px(5));
    draw_text(list, frame.theme.fonts.text, {x, y + frame.px(4)}, p.accent,
              to_utf8_lossy(recent[i]), Align::center);
    if (c.clicked) wishes.open = recent[i];
    y += frame.px(28);
  }
}

// Traces that could not be opened, each with its sentence and a way to dismiss it.
void Window::Parts::draw_failures(Frame& frame, Rect& area) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const std::vector<TraceId> traces = frame.library.traces();
  for (const TraceId trace : traces) {
    const auto overview = frame.library.overview(trace);
    if (overview.state != LoadState::failed) continue;
    const std::string name = fmt::format("failure.{}", trace.value);
    const std::string text = to_utf8_lossy(overview.error);
    ImFont* const font = frame.theme.fonts.text;
    const float width = area.w - frame.px(140);
    const float height =
        font->CalcTextSizeA(font->FontSize, FLT_MAX, width, text.data(), text.data() + text.size())
            .y +
        frame.px(20);
    const Rect row = area.take_top(height);
    area.take_top(frame.px(8));
    list.AddRectFilled(row.min(), row.max(), p.pane, frame.px(6));
    list.AddRect(row.min(), row.max(), p.warning, frame.px(6));
    draw_text(list, font, {row.x + frame.px(12), row.y + frame.px(10)}, p.warning, "!");
    list.AddText(font, font->FontSize, {row.x + frame.px(30), row.y + frame.px(10)}, p.text,
                 text.data(), text.data() + text.size(), width);
    frame.items.add(name, row, text);
    ImGui::SetCursorScreenPos({row.right() - frame.px(84), row.y + frame.px(6)});
    if (button(frame, (name + ".close").c_str(), "Close")) frame.library.close(trace);
  }
}

void Window::Parts::draw_page(Frame& frame, const Rect& area, Wishes& wishes) {
  Rect rest = area;
  draw_failures(frame, rest);
  bool any = false;
  TraceId loading;
  for (const TraceId trace : frame.library.traces()) {
    const auto overview = frame.library.overview(trace);
    any = any || overview.value != nullptr;
    if (overview.state == LoadState::loading && !overview.value) loading = trace;
  }
  if (any) {
    pages[static_cast<size_t>(frame.session.view().page)]->draw(frame, rest);
  } else if (loading.value >= 0) {
    message(frame, rest, fmt::format("Opening {} ...", file_name(frame.library.path(loading))),
            fmt::format("{:.0f} %", 100 * frame.library.progress(loading)));
  } else {
    draw_nothing_open(frame, rest, wishes);
  }
}

void Window::Parts::draw_status(Frame& frame, const Rect& bar) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  Session& session = frame.session;
  ImFont* const font = frame.theme.fonts.small;
  const float y = bar.y + (bar.h - font->FontSize) / 2;
  const View& view = session.view();
  std::string position;
  if (session.overview()) {
    position =
        fmt::format("{} \u00b7 {} \u00b7 layer {}", to_utf8_lossy(session.run_label(view.run)),
                    to_utf8_lossy(view.sample), view.layer);
    if (view.token >= 0) position += fmt::format(" \u00b7 token {}", view.token);
    position += "     F1 keys";
  }
  const float right = std::min(bar.w * 0.6f, text_width(font, position));
  draw_text_fitted(list, font, {bar.right() - right, y}, right, p.text2, position);
  if (ImGui::IsMouseClicked(0)) notice.clear();
  const std::string& hover = notice.empty() ? session.hover().text : notice;
  const ImU32 color = !notice.empty() && notice_warns ? p.warning : p.text;
  draw_text_fitted(list, font, {bar.x, y}, bar.w - right - frame.px(24), color, hover);
  frame.items.add("status", bar, hover);
  frame.items.add("status.position", {bar.right() - right, bar.y, right, bar.h}, position);
}

void Window::Parts::handle_keys(Frame& frame, Wishes& wishes) {
  Session& session = frame.session;
  for (int page_number = 0; page_number < kPages; ++page_number) {
    if (frame.pressed({'1' + page_number})) session.go(static_cast<Page>(page_number));
  }
  if (frame.pressed({'O', false, true})) open_dialog.show();
  if (frame.pressed({'E', false, true})) show_export(frame);
  if (frame.pressed({'Q', false, true})) wishes.quit = true;
  if (frame.pressed({'T'})) wishes.toggle_theme = true;
  if (frame.pressed({'+', false, true}) || frame.pressed({'=', false, true}))
    wishes.scale_steps = 1;
  if (frame.pressed({'-', false, true})) wishes.scale_steps = -1;
  if (frame.pressed({KeyPress::kF1})) keys_shown = true;
  if (frame.pressed({KeyPress::kBackspace})) session.undo();
  if (frame.pressed({KeyPress::kBackspace, true})) session.redo();
  const auto overview = session.overview();
  if (!overview) return;
  const int layer = session.view().layer;
  if (frame.pressed({KeyPress::kUp}) && layer > 0) session.select_layer(layer - 1);
  if (frame.pressed({KeyPress::kDown}) && layer + 1 < overview->layers) {
    session.select_layer(layer + 1);
  }
  const int sample = overview->find_sample(session.view().sample);
  const auto step_to = [&](int to) {
    if (to >= 0 && to < static_cast<int>(overview->samples.size())) {
      session.select_sample(overview->samples[static_cast<size_t>(to)].id);
    }
  };
  if (frame.pressed({KeyPress::kPageUp})) step_to(sample - 1);
  if (frame.pressed({KeyPress::kPageDown})) step_to(sample + 1);
  const std::vector<RunRef> runs = session.runs();
  const auto here = std::find(runs.begin(), runs.end(), session.view().run);
  if (here == runs.end()) return;
  if (frame.pressed({'['}) && here != runs.begin()) session.select_run(*std::prev(here));
  if (frame.pressed({']'}) && std::next(here) != runs.end()) session.select_run(*std::next(here));
}

// The smallest pane under a click is what an export shows first.
void Window::Parts::choose_focus(const Items& items) {
  if (!ImGui::IsMouseClicked(0)) return;
  const ImVec2 at = ImGui::GetIO().MousePos;
  if (!page.contains(at)) return;
  focus.clear();
  float least = page.w * page.h + 1;
  for (const auto& [name, item] : items.all()) {
    const float size = item.rect.w * item.rect.h;
    if (item.pane.empty() || !item.rect.contains(at) || size >= least) continue;
    least = size;
    focus = name;
  }
}

Window::Window() : parts_(std::make_unique<Parts>()) {}
Window::~Window() = default;

Wishes Window::draw(Frame& frame, ImVec2 size) {
  Parts& parts = *parts_;
  Wishes wishes;
  ImGui::SetNextWindowPos({0, 0});
  ImGui::SetNextWindowSize(size);
  ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, 0);
  ImGui::Begin("kvreel", nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove |
                   ImGuiWindowFlags_NoBringToFrontOnFocus | ImGuiWindowFlags_NoSavedSettings |
                   ImGuiWindowFlags_NoScrollWithMouse | ImGuiWindowFlags_NoNav);
  ImGui::PopStyleVar();
  const bool dialog =
      parts.open_dialog.is_open() || parts.export_dialog.is_open() || parts.keys_shown;
  // A dialog has the keys.
  std::vector<KeyPress> held_back;
  if (dialog) held_back.swap(frame.keys);

  Rect area = Rect{0, 0, size.x, size.y}.inset(frame.px(10));
  const float row = ImGui::GetFrameHeight();
  parts.draw_top_bar(frame, area.take_top(row), wishes);
  area.take_top(frame.px(8));
  if (frame.session.overview()) {
    parts.draw_position(frame, area.take_top(row));
    area.take_top(frame.px(8));
  }
  const Rect status = area.take_bottom(frame.px(18));
  area.take_bottom(frame.px(6));
  parts.page = area;
  parts.draw_page(frame, area, wishes);
  parts.draw_status(frame, status);
  if (!dialog) {
    parts.choose_focus(frame.items);
    parts.handle_keys(frame, wishes);
  } else {
    frame.keys.swap(held_back);
  }
  ImGui::End();

  if (dialog && parts.keys_shown && frame.pressed({KeyPress::kF1})) parts.keys_shown = false;
  if (const auto path = parts.open_dialog.draw(frame, size)) wishes.open = *path;
  if (std::exchange(parts.desk.export_wanted, false)) parts.show_export(frame);
  if (const auto picture = parts.export_dialog.draw(frame, size, parts.panes, area)) {
    wishes.export_png = picture->path;
    wishes.export_rect = picture->rect;
  }
  if (std::string written = parts.export_dialog.take_notice(); !written.empty()) {
    notify(std::move(written), false);
  }
  draw_keys(frame, size, parts.keys_shown);
  if (dialog) frame.keys.clear();
  parts.panes.begin_frame();
  for (const auto& [name, item] : frame.items.all()) {
    if (!item.pane.empty()) parts.panes.add(name, item.rect, item.text, item.pane);
  }
  parts.animating = frame.session.playing() || frame.animating;
  return wishes;
}

Rect Window::page_rect() const {
  return parts_->page;
}

void Window::set_recent(std::vector<std::string> paths) {
  parts_->recent = std::move(paths);
}

void Window::set_version(std::string version) {
  parts_->desk.version = std::move(version);
}

void Window::notify(std::string sentence, bool warning) {
  parts_->notice = to_utf8_lossy(sentence);
  parts_->notice_warns = warning;
}

bool Window::animating() const {
  return parts_->animating;
}

}  // namespace kvreel::viewer
