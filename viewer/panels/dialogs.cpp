// Dialogs in the middle of the window.
#include "viewer/panels/dialogs.h"

#include <fmt/format.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <system_error>

#include "base/text.h"

namespace kvreel::viewer {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string expanded_path(std::string path) {
  if (path.empty() || path[0] != '~' || (path.size() > 1 && path[1] != '/')) return path;
  const char* home = std::getenv("HOME");
  return home == nullptr ? path : home + path.substr(1);
}

bool text_field(Frame& frame, const char* name, const char* hint, std::string& text, bool& focus) {
  ImGui::SetNextItemWidth(-1);
  if (focus) ImGui::SetKeyboardFocusHere();
  focus = false;
  ImGui::PushID(name);
  const bool entered = ImGui::InputTextWithHint(
      "##field", hint, &text,
      ImGuiInputTextFlags_EnterReturnsTrue | ImGuiInputTextFlags_AutoSelectAll);
  ImGui::PopID();
  frame.items.add(name, last_item_rect(), text);
  return entered;
}

bool begin_dialog(Frame& frame, const char* name, const char* title, ImVec2 window, ImVec2 size,
                  bool& open) {
  if (!open) return false;
  const Palette& p = frame.palette();
  ImGui::SetNextWindowPos({0, 0});
  ImGui::SetNextWindowSize(window);
  ImGui::PushStyleColor(ImGuiCol_WindowBg,
                        ImGui::ColorConvertU32ToFloat4(with_alpha(p.ground, 0.7f)));
  // Taking the focus would close a list that is open in the dialog; a click on it is not one
  // beside.
  const bool list_open =
      ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopupId | ImGuiPopupFlags_AnyPopupLevel);
  if (!list_open) ImGui::SetNextWindowFocus();
  ImGui::Begin(
      name, nullptr,
      ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings);
  ImGui::PopStyleColor();
  size.x = std::min(size.x, window.x - frame.px(20));
  size.y = std::min(size.y, window.y - frame.px(20));
  const Rect rect{std::round((window.x - size.x) / 2), std::round((window.y - size.y) / 2), size.x,
                  size.y};
  const bool beside = !list_open && ImGui::IsMouseClicked(0) &&
                      !rect.contains(ImGui::GetIO().MousePos) && !ImGui::IsWindowAppearing();
  if (frame.pressed({KeyPress::kEscape}) || beside) open = false;
  ImGui::SetCursorScreenPos(rect.min());
  ImGui::PushStyleColor(ImGuiCol_ChildBg, ImGui::ColorConvertU32ToFloat4(p.pane));
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {frame.px(18), frame.px(16)});
  ImGui::BeginChild("content", size, true, ImGuiWindowFlags_NoScrollbar);
  ImGui::PopStyleVar();
  ImGui::PopStyleColor();
  frame.items.add(name, rect, title);
  ImGui::PushFont(frame.theme.fonts.title);
  ImGui::TextUnformatted(title);
  ImGui::PopFont();
  ImGui::Dummy({0, frame.px(4)});
  return true;
}

void end_dialog() {
  ImGui::EndChild();
  ImGui::End();
}

// --- Open ---

std::vector<OpenDialog::Entry> OpenDialog::entries(const fs::path& directory) {
  std::vector<Entry> found;
  std::error_code error;
  for (fs::directory_iterator at(directory, fs::directory_options::skip_permission_denied, error);
       !error && at != fs::directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code ignored;
    const bool is_directory = at->is_directory(ignored);
    const std::string extension = at->path().extension().string();
    if (!is_directory && extension != ".h5" && extension != ".hdf5") continue;
    const uint64_t bytes = is_directory ? 0 : at->file_size(ignored);
    found.push_back({name, is_directory, ignored ? 0 : bytes});
  }
  std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) {
    return a.directory != b.directory ? a.directory : a.name < b.name;
  });
  return found;
}

void OpenDialog::go(const fs::path& directory) {
  directory_ = directory.lexically_normal();
  entries_ = entries(directory_);
  field_ = directory_.string();
  if (!field_.ends_with('/')) field_ += '/';
  problem_.clear();
}

void OpenDialog::show() {
  open_ = true;
  focus_ = true;
  std::error_code error;
  go(directory_.empty() ? fs::current_path(error) : directory_);
}

std::optional<std::string> OpenDialog::draw(Frame& frame, ImVec2 window) {
  if (!begin_dialog(frame, "open", "Open a trace", window, {frame.px(760), frame.px(560)}, open_)) {
    return std::nullopt;
  }
  const Palette& p = frame.palette();
  std::optional<std::string> chosen;
  bool entered =
      text_field(frame, "open.path", "Path of a trace, such as trace.h5", field_, focus_);
  ImGui::PushStyleColor(ImGuiCol_Text, p.warning);
  ImGui::TextWrapped("%s", problem_.c_str());
  ImGui::PopStyleColor();
  const float buttons = ImGui::GetFrameHeight() + frame.px(10);
  ImGui::BeginChild("files", {0, -buttons});
  fs::path next;
  if (directory_.has_parent_path() && directory_ != directory_.root_path()) {
    if (ImGui::Selectable("..")) next = directory_.parent_path();
    frame.items.add("open.up", last_item_rect(), "..");
  }
  if (entries_.empty()) ImGui::TextDisabled("No traces (.h5) and no directories here.");
  for (const Entry& entry : entries_) {
    ImGui::PushID(entry.name.c_str());
    const std::string label = to_utf8_lossy(entry.name) + (entry.directory ? "/" : "");
    const bool clicked = ImGui::Selectable("##entry");
    const Rect rect = last_item_rect();
    frame.items.add("open.entry." + entry.name, rect, label);
    ImDrawList& list = *ImGui::GetWindowDrawList();
    draw_text(list, frame.theme.fonts.text, rect.min(), entry.directory ? p.text2 : p.text, label);
    if (!entry.directory) {
      draw_text(list, frame.theme.fonts.text, {rect.right() - frame.px(8), rect.y}, p.text2,
                format_bytes(entry.bytes), Align::right);
    }
    ImGui::PopID();
    if (!clicked) continue;
    if (entry.directory) {
      next = directory_ / entry.name;
    } else {
      field_ = (directory_ / entry.name).string();
      entered = true;
    }
  }
  ImGui::EndChild();
  if (!next.empty()) go(next);
  if (button(frame, "open.ok", "Open", nullptr, true)) entered = true;
  ImGui::SameLine();
  if (button(frame, "open.cancel", "Cancel")) open_ = false;
  if (entered) {
    const std::string path = expanded_path(std::string(trim(field_)));
    std::error_code error;
    if (fs::is_directory(path, error)) {
      go(fs::absolute(path, error));
      focus_ = true;
    } else if (!fs::exists(path, error)) {
      problem_ = fmt::format("There is no file {}.", to_utf8_lossy(path));
      focus_ = true;
    } else {
      chosen = path;
      open_ = false;
    }
  }
  end_dialog();
  return chosen;
}

// --- Keys ---

void draw_keys(Frame& frame, ImVec2 window, bool& open) {
  struct Row {
    const char* keys;
    const char* meaning;
  };
  struct Group {
    const char* title;
    std::vector<Row> rows;
  };
  static const std::array<Group, 4> kGroups = {{
      {"Everywhere",
       {{"1 \u2026 6", "pages"},
        {"Page Up, Page Down", "sample before, after"},
        {"[  ]", "run before, after"},
        {"Up, Down", "layer before, after"},
        {"Backspace", "take back a change of the view"},
        {"Shift+Backspace", "make it again"}}},
      {"Replay",
       {{"Space", "play, pause"},
        {"Left, Right", "one eviction back, on (Shift: ten)"},
        {"Home, End", "before the first, after the last"},
        {"/", "find in the prompt (Enter: next)"},
        {"wheel, right drag", "zoom, move the map"},
        {"drag a gap", "size of panes (double click: restore)"}}},
      {"Compare and timeline",
       {{"N", "next sample that differs most"},
        {"W  S", "zoom in, out"},
        {"A  D", "earlier, later"},
        {"Home", "everything"},
        {"left drag", "measure a range of time"}}},
      {"Window",
       {{"Ctrl+O", "open a trace (or drop a file)"},
        {"Ctrl+E", "export a picture or a figure"},
        {"T", "dark, light"},
        {"Ctrl+Plus, Ctrl+Minus", "larger, smaller"},
        {"F1", "this list"},
        {"Ctrl+Q", "quit"}}},
  }};
  if (!begin_dialog(frame, "keys", "Keys", window, {frame.px(920), frame.px(500)}, open)) return;
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  const float column = frame.px(442);
  std::array<float, 2> y = {origin.y, origin.y};
  for (size_t i = 0; i < kGroups.size(); ++i) {
    const size_t side = i % 2;
    const float x = origin.x + static_cast<float>(side) * column;
    float& at = y[side];
    draw_text(list, frame.theme.fonts.small, {x, at}, p.text2, kGroups[i].title);
    at += frame.px(22);
    for (const Row& row : kGroups[i].rows) {
      draw_text(list, frame.theme.fonts.text, {x, at}, p.text, row.keys);
      draw_text(list, frame.theme.fonts.text, {x + frame.px(178), at}, p.text2, row.meaning);
      at += frame.px(25);
    }
    at += frame.px(16);
  }
  end_dialog();
}

}  // namespace kvreel::viewer
