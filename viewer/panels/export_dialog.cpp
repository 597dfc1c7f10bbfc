// Exporting pictures of the screen, and figures.
#include "viewer/panels/export_dialog.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "exports/plot/paint.h"

namespace kvreel::viewer {
namespace {

namespace fs = std::filesystem;

constexpr float kLabels = 90;  // width of the labels' column

void label(Frame& frame, const char* text) {
  ImGui::AlignTextToFramePadding();
  ImGui::TextDisabled("%s", text);
  ImGui::SameLine(frame.px(kLabels));
}

}  // namespace

void ExportDialog::show(std::string pane, bool as_figure) {
  open_ = true;
  focus_ = true;
  pane_ = std::move(pane);
  as_figure_ = as_figure;
  problem_.clear();
}

std::string ExportDialog::take_notice() {
  return std::exchange(notice_, {});
}

std::optional<FigureRequest> ExportDialog::request(Session& session) const {
  FigureRequest wanted;
  if (pane_ == "figures.paper") {
    if (find_figure(desk_.shown) == nullptr) return std::nullopt;
    wanted = figure_request(session, desk_.shown);
  } else if (const PaneFigure* of = figure_of_pane(pane_)) {
    wanted = figure_request(session, *of);
  } else {
    return std::nullopt;
  }
  wanted.options.hash_traces = true;
  wanted.options.version = desk_.version;
  return wanted;
}

void ExportDialog::choose_pane(Frame& frame, const Items& last) {
  std::vector<std::string> names = {""};
  std::vector<std::string> labels = {"the whole page"};
  for (const auto& [name, item] : last.all()) {
    if (item.pane.empty()) continue;
    names.push_back(name);
    labels.push_back(item.pane);
  }
  int chosen = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == pane_) chosen = static_cast<int>(i);
  }
  label(frame, "Shows");
  if (combo(frame, "export.pane", labels, chosen, frame.px(300))) {
    pane_ = names[static_cast<size_t>(chosen)];
    problem_.clear();
  }
}

void ExportDialog::choose_format(Frame& frame, const std::string& figure) {
  label(frame, "As");
  const std::string as_figure = "figure " + figure;
  bool picture = !as_figure_;
  if (toggle(frame, "export.as.picture", "picture of the screen", picture)) as_figure_ = false;
  ImGui::SameLine(0, frame.px(2));
  bool on = as_figure_;
  if (toggle(frame, "export.as.figure", as_figure.c_str(), on,
             "Laid out for paper, from the traces: PDF, SVG, PNG or its numbers")) {
    as_figure_ = true;
  }
}

std::string ExportDialog::check_path(const std::string& path) {
  std::error_code error;
  const fs::path directory = fs::path(path).parent_path();
  if (path.empty() || path.ends_with('/')) return "Name a file, such as kvreel.png.";
  if (fs::is_directory(path, error)) {
    return fmt::format("{} is a directory; name a file in it.", to_utf8_lossy(path));
  }
  if (!directory.empty() && !fs::is_directory(directory, error)) {
    return fmt::format("There is no directory {}.", to_utf8_lossy(directory.string()));
  }
  return {};
}

// In the directory where the last file went. What somebody typed stays.
void ExportDialog::suggest(const std::string& name, const char* ending) {
  if (field_ != suggested_) return;
  const fs::path directory = fs::path(field_).parent_path();
  field_ = suggested_ = (directory / fmt::format("{}.{}", name, ending)).string();
}

void ExportDialog::draw_figure_options(Frame& frame) {
  const float width = ImGui::GetContentRegionAvail().x - frame.px(kLabels);
  label(frame, "Format");
  static constexpr std::array<const char*, 5> kLabelsOfFormats = {"PDF", "SVG", "PNG", "CSV",
                                                                  "JSON"};
  int format = static_cast<int>(format_);
  if (segmented(frame, "export.format", kLabelsOfFormats, format)) {
    format_ = static_cast<FigureFormat>(format);
    const bool untouched = field_ == suggested_;
    field_ = with_ending(field_, format_);
    if (untouched) suggested_ = field_;
    problem_.clear();
  }
  if (is_data(format_)) {
    label(frame, "");
    ImGui::AlignTextToFramePadding();
    ImGui::TextDisabled("The numbers that are plotted, before any reduction.");
    return;
  }
  label(frame, "Style");
  style_choice(frame, "export.style", width);
  label(frame, "Size");
  size_choice(frame, "export.size", frame.px(170));
  if (format_ == FigureFormat::png) {
    label(frame, "DPI");
    static constexpr std::array<const char*, 4> kDots = {"96", "150", "300", "600"};
    static constexpr std::array<int, 4> kValues = {96, 150, 300, 600};
    int chosen = static_cast<int>(std::find(kValues.begin(), kValues.end(), dots_per_inch_) -
                                  kValues.begin());
    if (segmented(frame, "export.dpi", kDots, chosen)) {
      dots_per_inch_ = kValues[static_cast<size_t>(chosen)];
    }
  }
}

// What Cairo makes of it, as pixels of the screen.
void ExportDialog::draw_preview(Frame& frame, const Rect& area, const Loaded<plot::Figure>& figure,
                                const FigureRequest& wanted) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  list.AddRectFilled(area.min(), area.max(), p.ground, frame.px(5));
  frame.items.add("export.preview", area,
                  figure.state == LoadState::ready    ? wanted.name
                  : figure.state == LoadState::failed ? figure.error
                                                      : "loading");
  if (!ready(frame, area, figure)) return;
  plot::Style style = style_of(frame.session.view().figure);
  Rect room = area.inset(frame.px(10));
  const Rect caption = room.take_bottom(frame.px(20));
  const auto fit = [&](const plot::Scene& scene) {
    return std::min(room.w / scene.width, room.h / scene.height);
  };
  style.dots_per_inch = 72;
  if (drawn_scale_ > 0) style.dots_per_inch = std::clamp(std::round(72 * drawn_scale_), 36., 600.);
  const plot::Scene* scene = sheet_.lay_out(desk_.fonts, figure.value, style);
  if (scene != nullptr && fit(*scene) != drawn_scale_) {
    style.dots_per_inch = std::clamp(std::round(72 * fit(*scene)), 36., 600.);
    scene = sheet_.lay_out(desk_.fonts, figure.value, style);
  }
  if (scene == nullptr) {
    message(frame, area, "The figure cannot be laid out", sheet_.problem());
    return;
  }
  const double scale = fit(*scene);
  if (sheet_.version() != drawn_ || scale != drawn_scale_) ++preview_version_;
  drawn_ = sheet_.version();
  drawn_scale_ = scale;
  const auto width = std::max(1, static_cast<int>(std::round(scene->width * scale)));
  const auto height = std::max(1, static_cast<int>(std::round(scene->height * scale)));
  const auto fill = [&](std::span<uint32_t> out) {
    const plot::Raster raster = plot::rasterize(*scene, *sheet_.fonts(), scale);
    std::copy_n(raster.pixels.begin(), std::min(out.size(), raster.pixels.size()), out.begin());
  };
  const ImTextureID picture =
      frame.textures.picture("export.preview", preview_version_, width, height, fill);
  const ImVec2 min{std::round(area.x + (area.w - static_cast<float>(width)) / 2),
                   std::round(room.y + (room.h - static_cast<float>(height)) / 2)};
  list.AddImage(picture, min,
                {min.x + static_cast<float>(width), min.y + static_cast<float>(height)});
  draw_text(list, frame.theme.fonts.small, {caption.x + caption.w / 2, caption.y + frame.px(6)},
            p.text2, paper_size(scene->width, scene->height), Align::center);
}

bool ExportDialog::draw_end(Frame& frame, bool entered, bool can_export) {
  ImGui::PushStyleColor(ImGuiCol_Text, frame.palette().warning);
  ImGui::TextWrapped("%s", problem_.c_str());
  ImGui::PopStyleColor();
  frame.items.add("export.problem", last_item_rect(), problem_);
  std::error_code error;
  const std::string path = expanded_path(std::string(trim(field_)));
  const bool there = !path.empty() && fs::exists(path, error);
  if (button(frame, "export.ok", there ? "Replace" : "Export", nullptr, can_export)) entered = true;
  ImGui::SameLine();
  if (button(frame, "export.cancel", "Cancel")) open_ = false;
  if (there) {
    ImGui::SameLine();
    ImGui::TextDisabled("The file exists and is replaced.");
  }
  return entered && can_export;
}

std::string ExportDialog::command_text(Frame& frame, const std::string& path, FigureFormat format,
                                       const FigureRequest& wanted) const {
  std::vector<std::string> traces;
  for (const TraceId trace : wanted.traces) traces.push_back(frame.library.path(trace));
  return figure_command(wanted, traces, frame.session.view().figure, path, format, dots_per_inch_);
}

// In what room is left: who wants many figures writes a script.
void ExportDialog::draw_command(Frame& frame, const FigureRequest& wanted) {
  const std::string command = command_text(frame, std::string(trim(field_)), format_, wanted);
  ImGui::Dummy({0, frame.px(10)});
  if (button(frame, "export.copy", "Copy", "Copy the command to the clipboard")) {
    ImGui::SetClipboardText(command.c_str());
  }
  ImGui::SameLine();
  ImGui::AlignTextToFramePadding();
  ImGui::TextDisabled("The command that makes the same figure:");
  ImGui::PushFont(frame.theme.fonts.small);
  ImGui::PushStyleColor(ImGuiCol_Text, frame.palette().text2);
  ImGui::TextWrapped("%s", to_utf8_lossy(command).c_str());
  ImGui::PopStyleColor();
  ImGui::PopFont();
  frame.items.add("export.command", last_item_rect(), command);
}

void ExportDialog::write(Frame& frame, const std::string& path, const Loaded<plot::Figure>& figure,
                         const FigureRequest& wanted) {
  const std::optional<FigureFormat> format = figure_format_of(path);
  if (!format) {
    problem_ = fmt::format(
        "A figure's file ends in .pdf, .svg or .png, its numbers' in .csv or "
        ".json; {} does not.",
        to_utf8_lossy(path));
    return;
  }
  const FigureLook& look = frame.session.view().figure;
  const plot::Style style = style_of(look);
  plot::Figure made = *figure.value;
  made.metadata.emplace_back("command", command_text(frame, path, *format, wanted));
  try {
    const plot::Fonts* fonts = desk_.fonts.find(style.family, problem_);
    if (fonts == nullptr) return;
    write_figure_file(path, *format, made, style, dots_per_inch_, *fonts);
  } catch (const Error& error) {
    problem_ = error.what();
    return;
  }
  notice_ =
      fmt::format("Exported {}{}.", path, is_data(*format) ? ", the numbers of the figure" : "");
  if (frame.log) frame.log(fmt::format("export {} figure {}", path, wanted.name));
  suggested_ = field_;  // the next one goes beside it
  open_ = false;
}

std::optional<ExportDialog::Picture> ExportDialog::draw(Frame& frame, ImVec2 window,
                                                        const Items& last, const Rect& page) {
  if (!open_) return std::nullopt;
  const std::optional<FigureRequest> wanted = request(frame.session);
  const bool figure_mode = wanted && as_figure_;
  const ImVec2 size = figure_mode ? ImVec2{frame.px(980), frame.px(500)}
                                  : ImVec2{frame.px(620), frame.px(wanted ? 300 : 270)};
  if (!begin_dialog(frame, "export", figure_mode ? "Export a figure" : "Export a picture", window,
                    size, open_)) {
    return std::nullopt;
  }
  Loaded<plot::Figure> figure;
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const ImVec2 avail = ImGui::GetContentRegionAvail();
  if (figure_mode) {
    figure = frame.library.figure(*wanted);
    const float left = std::min(frame.px(470), avail.x * 0.54f);
    const Rect preview{at.x + left + frame.px(16), at.y, avail.x - left - frame.px(16), avail.y};
    draw_preview(frame, preview, figure, *wanted);
    ImGui::SetCursorScreenPos(at);
    ImGui::BeginChild("options", {left, avail.y});
  }
  choose_pane(frame, last);
  const Items::Item* item = pane_.empty() ? nullptr : last.find(pane_);
  const Rect rect = item == nullptr ? page : item->rect;
  if (!figure_mode) {
    ImGui::SameLine();
    ImGui::TextDisabled("%.0f \u00d7 %.0f pixels", rect.w, rect.h);
  }
  if (wanted) choose_format(frame, wanted->name);
  if (figure_mode) {
    suggest(wanted->name, kFigureEndings[static_cast<size_t>(format_)]);
    draw_figure_options(frame);
  } else {
    suggest("kvreel", "png");
  }
  label(frame, "File");
  const bool typed = text_field(
      frame, "export.path",
      figure_mode ? "fig1.pdf, .svg, .png, .csv or .json" : "Path of a PNG file", field_, focus_);
  // The ending says the format.
  if (const auto format = figure_format_of(trim(field_)); format && figure_mode) format_ = *format;
  std::optional<Picture> result;
  if (draw_end(frame, typed, !figure_mode || figure.value != nullptr)) {
    const std::string path = expanded_path(std::string(trim(field_)));
    problem_ = check_path(path);
    if (problem_.empty() && figure_mode) {
      write(frame, path, figure, *wanted);
    } else if (problem_.empty()) {
      result = Picture{path, rect};
      suggested_ = field_;
      open_ = false;
    }
  }
  if (figure_mode) {
    draw_command(frame, *wanted);
    ImGui::EndChild();
  }
  end_dialog();
  return result;
}

}  // namespace kvreel::viewer
