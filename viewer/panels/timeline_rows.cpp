// Drawing rows: a few rectangles per column of pixels at most.
#include "viewer/panels/timeline_rows.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace kvreel::viewer {
namespace {

constexpr float kGutter = 112;
constexpr float kAxis = 22;
constexpr float kMemory = 92;  // at least
constexpr float kMemoryMost = 220;
constexpr float kTaller = 60;
constexpr float kRowGap = 4;

float row_height(TrackKind kind) {
  switch (kind) {
    case TrackKind::passes:
      return 22;
    case TrackKind::steps:
      return 20;
    case TrackKind::operations:
      return 40;
    case TrackKind::stream:
      return 26;
  }
  return 26;
}

}  // namespace

ImU32 kind_color(const Palette& palette, TrackKind kind, int category) {
  const auto c = static_cast<size_t>(category);
  switch (kind) {
    case TrackKind::passes:
      return mix(palette.pane, palette.series[c % palette.series.size()], 0.75f);
    case TrackKind::steps:  // prefill and decode
      return mix(palette.pane, palette.text, category == 0 ? 0.5f : 0.22f);
    case TrackKind::operations:
    case TrackKind::stream:
      return palette.category[c];
  }
  return palette.category[c];
}

ImU32 text_on(const Palette& palette, ImU32 fill) {
  const ImVec4 c = ImGui::ColorConvertU32ToFloat4(fill);
  const float luminance = 0.2126f * c.x + 0.7152f * c.y + 0.0722f * c.z;
  const ImU32 dark = palette.dark ? palette.ground : palette.text;
  const ImU32 light = palette.dark ? palette.text : palette.pane;
  return luminance > 0.42f ? dark : light;
}

void draw_category_legend(Frame& frame, const Rect& line) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.small;
  const float box = frame.px(10);
  float x = line.x;
  const auto entry = [&](ImU32 color, const char* name) {
    const float width = box + frame.px(5) + text_width(font, name);
    if (x + width > line.right()) return;
    const float y = std::round(line.y + (line.h - box) / 2);
    list.AddRectFilled({x, y}, {x + box, y + box}, color, frame.px(2));
    draw_text(list, font, {x + box + frame.px(5), line.y + (line.h - font->FontSize) / 2}, p.text2,
              name);
    x = std::round(x + width + frame.px(14));
  };
  for (int c = 0; c < kCategories; ++c) {
    entry(kind_color(p, TrackKind::operations, c), category_name(static_cast<Category>(c)));
  }
  entry(kind_color(p, TrackKind::steps, 0), "prefill");
  entry(kind_color(p, TrackKind::steps, 1), "decode");
}

void TimelineRows::arrange(Frame& frame, const Rect& area, const Shown& shown, float scroll) {
  if (data_ != shown.data) {
    data_ = shown.data;
    cache_.assign(data_->tracks.size(), {});
    memory_made_ = false;
  }
  Rect rest = area;
  labels_ = rest.take_left(frame.px(kGutter));
  axis_ = rest.take_top(frame.px(kAxis));
  plot_ = rest;
  memory_ = {};
  float needed = 0;
  for (const Track& track : data_->tracks) {
    needed += frame.px(row_height(track.kind)) + frame.px(kRowGap);
  }
  // What the rows leave goes to the cache's plot first, then to the operations.
  const float least = frame.px(kMemory);
  const float spare = rest.h - needed - frame.px(kRowGap * 2);
  float taller = 0;
  if (!data_->memory.empty() && rest.h > least * 1.6f) {
    memory_ = rest.take_bottom(std::round(std::clamp(spare * 0.7f, least, frame.px(kMemoryMost))));
    rest.take_bottom(frame.px(kRowGap * 2));
    taller = std::clamp(spare - memory_.h, 0.f, frame.px(kTaller));
  } else {
    taller = std::clamp(spare, 0.f, frame.px(kTaller));
  }
  tracks_ = rest;
  scale_ = {shown.visible.begin, shown.visible.end,
            std::max(1., static_cast<double>(std::floor(plot_.w)))};
  rows_.clear();
  float y = 0;
  for (size_t t = 0; t < data_->tracks.size(); ++t) {
    const Track& track = data_->tracks[t];
    float height = frame.px(row_height(track.kind));
    if (track.kind == TrackKind::operations && track.lane == 0) height += std::round(taller);
    rows_.push_back({t, y, height});
    y += height + frame.px(kRowGap);
  }
  overflow_ = std::max(0.f, y - tracks_.h);
  scroll = std::clamp(scroll, 0.f, overflow_);
  for (Row& row : rows_) row.y += tracks_.y - std::round(scroll);
}

const RowPicture& TimelineRows::picture(const Shown& shown, const Row& row) {
  Cached& cached = cache_[row.track];
  const int height = static_cast<int>(row.height);
  if (cached.height != height || cached.scale != scale_) {
    cached.scale = scale_;
    cached.height = height;
    cached.picture = layout_row(*shown.data, row.track, scale_, height);
  }
  return cached.picture;
}

std::string TimelineRows::row_label(const Shown& shown, const Track& track) const {
  const auto lane = [&](const char* name) {
    return track.lane == 0 ? std::string(name) : std::string("  + ") + std::to_string(track.lane);
  };
  switch (track.kind) {
    case TrackKind::passes:
      return lane("passes");
    case TrackKind::steps:
      return lane("steps");
    case TrackKind::operations:
      return lane("operations");
    case TrackKind::stream:
      break;
  }
  (void)shown;
  if (track.stream == kOtherStreams) return lane("other streams");
  return lane(("stream " + std::to_string(track.stream)).c_str());
}

Rect TimelineRows::selection_label(Frame& frame, const Shown& shown) const {
  if (!shown.selection) return {};
  const auto x_of = [&](double time) {
    return plot_.x + static_cast<float>(std::clamp(scale_.x(time), 0., scale_.width));
  };
  const float width =
      text_width(frame.theme.fonts.small, format_duration(shown.selection->length())) +
      frame.px(12);
  const float middle = (x_of(shown.selection->begin) + x_of(shown.selection->end)) / 2;
  const float x = std::clamp(middle, plot_.x + width / 2, plot_.right() - width / 2);
  return {std::round(x - width / 2), axis_.y, std::round(width), frame.px(18)};
}

void TimelineRows::draw_axis(Frame& frame, const Shown& shown) {
  const Palette& p = frame.palette();
  const Rect taken = selection_label(frame, shown);
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.small;
  const float widest = text_width(font, "0 000.00 ms");
  for (const TimeTick& tick : time_ticks(scale_, widest + frame.px(24))) {
    const float x = plot_.x + static_cast<float>(scale_.x(tick.time));
    vertical_line(list, x, axis_.bottom(), plot_.bottom(), p.grid);
    const float width = text_width(font, tick.label);
    if (x + width > axis_.right()) continue;
    if (taken.w > 0 && x < taken.right() && x + width > taken.x) continue;
    draw_text(list, font, {x, axis_.y + frame.px(2)}, p.text2, tick.label);
  }
}

void TimelineRows::draw_row(Frame& frame, const Shown& shown, const Row& row) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.small;
  const Track& track = shown.data->tracks[row.track];
  const RowPicture& shapes = picture(shown, row);
  const float left = plot_.x;
  const float top = row.y;
  const float bottom = row.y + row.height;
  std::array<ImU32, kCategories> colors{};
  for (int c = 0; c < kCategories; ++c) {
    colors[static_cast<size_t>(c)] = kind_color(p, track.kind, c);
  }
  // One reservation per strip: the fastest that ImGui has.
  for (const TimeStrip& strip : shapes.strips) {
    float from = bottom;
    uint8_t below = 0;
    for (size_t c = 0; c < strip.top.size(); ++c) {
      if (strip.top[c] <= below) continue;
      const float to = bottom - static_cast<float>(strip.top[c]);
      list.PrimReserve(6, 4);
      list.PrimRect({left + static_cast<float>(strip.x0), to},
                    {left + static_cast<float>(strip.x1), from}, colors[c]);
      from = to;
      below = strip.top[c];
    }
  }
  const float gap = 1;
  const float margin = frame.px(5);
  const float text_y = std::round(top + (row.height - font->FontSize) / 2);
  for (const TimeBox& box : shapes.boxes) {
    const EventBlock& events = shown.data->block(box.event);
    ImU32 color = colors[static_cast<size_t>(events.category(box.event.index))];
    const bool dimmed = shown.search != nullptr && !shown.search->empty() &&
                        !shown.search->matches(*shown.data, box.event);
    if (dimmed) color = mix(p.pane, color, 0.3f);
    const float x0 = std::round(left + box.x0);
    const float x1 = std::max(x0 + 1, std::round(left + box.x1) - gap);
    list.PrimReserve(6, 4);
    list.PrimRect({x0, top}, {x1, bottom}, color);
    // Labels are short; below this none fits.
    const float room = x1 - x0 - 2 * margin;
    if (room < frame.px(18)) continue;
    std::string label = event_name(*shown.data, *shown.overview, box.event);
    if (!events.layer.empty() && events.layer[box.event.index] >= 0) {
      label += " L" + std::to_string(events.layer[box.event.index]);
    }
    const ImU32 ink = text_on(p, color);
    if (text_width(font, label) <= room) {
      draw_text(list, font, {x0 + margin, text_y}, ink, label);
    } else if (room > frame.px(48)) {
      draw_text_fitted(list, font, {x0 + margin, text_y}, room, ink, label);
    }
  }
}

void TimelineRows::draw_memory(Frame& frame, const Shown& shown) {
  if (memory_.h <= 0) return;
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.small;
  if (!memory_made_ || memory_scale_ != scale_) {
    memory_picture_ = layout_memory(*shown.data, scale_);
    memory_scale_ = scale_;
    memory_made_ = true;
  }
  const MemoryPicture& picture = memory_picture_;
  const float bottom = memory_.bottom() - 1;
  const float height = memory_.h - frame.px(14);
  const double most = std::max<double>(1, static_cast<double>(picture.most));
  const auto y_of = [&](uint64_t bytes) {
    return std::round(bottom - static_cast<float>(static_cast<double>(bytes) / most) * height);
  };
  horizontal_line(list, memory_.x, memory_.right(), bottom, p.line);
  for (const uint64_t part : {picture.most, picture.most / 2}) {
    if (part > 0) horizontal_line(list, memory_.x, memory_.right(), y_of(part), p.grid);
  }
  // Columns alike are one rectangle. Held: to the least filled, to the most lighter.
  const ImU32 strong = with_alpha(p.kept, 0.55f);
  const ImU32 light = with_alpha(p.kept, 0.25f);
  const ImU32 line = with_alpha(p.text, 0.8f);
  const auto same = [](const MemoryPicture::Column& a, const MemoryPicture::Column& b) {
    return a.any == b.any && a.held_least == b.held_least && a.held_most == b.held_most &&
           a.asked_most == b.asked_most;
  };
  const auto quad = [&](float x0, float x1, float y0, float y1, ImU32 color) {
    if (y1 <= y0) return;
    list.PrimReserve(6, 4);
    list.PrimRect({x0, y0}, {x1, y1}, color);
  };
  float asked_y = -1;
  for (size_t i = 0; i < picture.columns.size();) {
    size_t end = i + 1;
    while (end < picture.columns.size() && same(picture.columns[i], picture.columns[end])) ++end;
    const MemoryPicture::Column& column = picture.columns[i];
    const float x0 = memory_.x + static_cast<float>(i);
    const float x1 = memory_.x + static_cast<float>(end);
    i = end;
    if (!column.any) {
      asked_y = -1;
      continue;
    }
    const float least = y_of(column.held_least);
    quad(x0, x1, least, bottom, strong);
    quad(x0, x1, y_of(column.held_most), least, light);
    const float asked = y_of(column.asked_most);
    const float thick = std::max(1.f, frame.px(1));
    quad(x0, x1, asked, asked + thick, line);
    // Steps are joined where they can be told apart.
    const bool apart = x1 - x0 >= frame.px(4);
    if (apart && asked_y >= 0 && asked_y != asked) {
      quad(x0, x0 + thick, std::min(asked, asked_y), std::max(asked, asked_y) + thick, line);
    }
    asked_y = apart ? asked : -1;
  }
  for (const MemoryPicture::Reference& reference : picture.references) {
    const float y = y_of(reference.bytes);
    const float dash = frame.px(4);
    const float x1 = memory_.x + reference.x1;
    for (float x = memory_.x + reference.x0; x < x1; x += 2 * dash) {
      horizontal_line(list, x, std::min(x + dash, x1), y, p.text2);
    }
  }
  // In the gutter: what it is, and the axis.
  const float x = labels_.x;
  float y = memory_.y;
  draw_text(list, font, {x, y}, p.text, "cache bytes");
  y += font->FontSize + frame.px(3);
  const auto entry = [&](ImU32 color, float thick, const char* name) {
    const float middle = std::round(y + font->FontSize / 2);
    list.AddRectFilled({x, middle - std::floor(thick / 2)},
                       {x + frame.px(10), middle + std::ceil(thick / 2)}, color);
    draw_text(list, font, {x + frame.px(15), y}, p.text2, name);
    y += font->FontSize + frame.px(1);
  };
  entry(strong, frame.px(8), "held");
  entry(p.text, frame.px(1), "asked");
  if (!picture.references.empty()) entry(p.text2, frame.px(1), "unpruned");
  const float right = labels_.right() - frame.px(6);
  draw_text(list, font, {right, bottom - font->FontSize}, p.text2, "0 B", Align::right);
  const std::string top = format_bytes(picture.most);
  draw_text(list, font, {memory_.x + frame.px(4), memory_.y - frame.px(3)}, p.text2,
            top + (scale_.ns_per_px() > 1 ? "   most per pixel" : ""));
}

void TimelineRows::draw_marks(Frame& frame, const Shown& shown) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const auto x_of = [&](double time) {
    return std::round(plot_.x +
                      static_cast<float>(std::clamp(scale_.x(time), -4., scale_.width + 4)));
  };
  if (shown.selection) {
    const auto inside = [&](double time) { return time >= scale_.begin && time <= scale_.end; };
    const float x0 = std::clamp(x_of(shown.selection->begin), plot_.x, plot_.right());
    const float x1 = std::clamp(x_of(shown.selection->end), plot_.x, plot_.right());
    list.AddRectFilled({x0, axis_.y}, {std::max(x0 + 1, x1), plot_.bottom()},
                       with_alpha(p.accent, 0.14f));
    if (inside(shown.selection->begin)) {
      vertical_line(list, x0, axis_.y, plot_.bottom(), p.accent);
    }
    if (inside(shown.selection->end)) vertical_line(list, x1, axis_.y, plot_.bottom(), p.accent);
    const Rect label = selection_label(frame, shown);
    list.AddRectFilled(label.min(), label.max(), p.accent, frame.px(4));
    draw_text(list, frame.theme.fonts.small, {label.x + label.w / 2, label.y + frame.px(2)},
              p.accent_text, format_duration(shown.selection->length()), Align::center);
  }
  // The step of the position, as a cursor.
  if (shown.step && shown.step->begin >= scale_.begin && shown.step->begin <= scale_.end) {
    const float x = x_of(shown.step->begin);
    vertical_line(list, x, axis_.bottom() - frame.px(5), plot_.bottom(), p.accent,
                  std::max(1.f, frame.px(1)));
    const float w = frame.px(5);
    list.AddTriangleFilled({x - w, axis_.bottom() - w}, {x + w, axis_.bottom() - w},
                           {x, axis_.bottom() + frame.px(2)}, p.accent);
  }
  const std::optional<double> time = frame.session.hover().time_ns;
  if (time && *time >= scale_.begin && *time <= scale_.end) {
    vertical_line(list, x_of(*time), axis_.bottom(), plot_.bottom(), with_alpha(p.text2, 0.6f));
  }
}

void TimelineRows::draw(Frame& frame, const Shown& shown) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.small;
  draw_axis(frame, shown);
  list.PushClipRect({labels_.x, tracks_.y}, tracks_.max(), true);
  for (const Row& row : rows_) {
    if (row.y + row.height < tracks_.y || row.y > tracks_.bottom()) continue;
    const Track& track = shown.data->tracks[row.track];
    const std::string label = row_label(shown, track);
    draw_text_fitted(list, font, {labels_.x, row.y + (row.height - font->FontSize) / 2},
                     labels_.w - frame.px(8), track.lane == 0 ? p.text : p.text2, label);
    draw_row(frame, shown, row);
    const std::string name = track.kind == TrackKind::passes       ? "timeline.passes"
                             : track.kind == TrackKind::steps      ? "timeline.steps"
                             : track.kind == TrackKind::operations ? "timeline.operations"
                                                                   : "timeline.stream";
    if (track.lane == 0) {
      frame.items.add(
          track.kind == TrackKind::stream ? name + "." + std::to_string(track.stream) : name,
          {plot_.x, row.y, plot_.w, row.height}, label);
    }
  }
  list.PopClipRect();
  draw_memory(frame, shown);
  if (memory_.h > 0) {
    frame.items.add("timeline.memory", memory_, format_bytes(memory_picture_.most));
  }
  draw_marks(frame, shown);
}

std::optional<Rect> TimelineRows::rect_of(const Shown& shown, EventRef event) const {
  const TimeRange range = event_range(*shown.data, event);
  if (range.end < scale_.begin || range.begin > scale_.end) return std::nullopt;
  for (const Row& row : rows_) {
    if (row.track != event.track) continue;
    if (row.y < tracks_.y - 1 || row.y + row.height > tracks_.bottom() + 1) return std::nullopt;
    const double x0 = std::clamp(scale_.x(range.begin), 0., scale_.width);
    const double x1 = std::clamp(scale_.x(range.end), 0., scale_.width);
    const float left = std::round(plot_.x + static_cast<float>(x0));
    const float right = std::round(plot_.x + static_cast<float>(x1));
    return Rect{left, row.y, std::max(2.f, right - left), row.height};
  }
  return std::nullopt;
}

TimelineHit TimelineRows::hit(const Shown& shown, ImVec2 mouse) const {
  TimelineHit hit;
  hit.over_memory = memory_.h > 0 && memory_.contains(mouse);
  if (!tracks_.contains(mouse)) return hit;
  for (const Row& row : rows_) {
    if (mouse.y < row.y || mouse.y >= row.y + row.height) continue;
    hit.event = pick_event(*shown.data, row.track, scale_, static_cast<double>(mouse.x - plot_.x));
  }
  return hit;
}

}  // namespace kvreel::viewer
