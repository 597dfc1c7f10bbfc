// The timeline page: what happened when, from the whole recording to one span.
#include <fmt/format.h>
#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "viewer/model/glide.h"
#include "viewer/model/ticks.h"
#include "viewer/panels/pages.h"
#include "viewer/panels/timeline_rows.h"
#include "viewer/panels/timeline_statistics_pane.h"

namespace kvreel::viewer {
namespace {

constexpr double kZoomStep = 1.25;  // of a notch of the wheel

class TimelinePage : public PagePanel {
 public:
  void draw(Frame& frame, const Rect& area) override;

 private:
  void draw_tools(Frame& frame, Rect line);
  void draw_search(Frame& frame);
  void draw_timeline(Frame& frame, const Rect& area);
  void handle_canvas(Frame& frame, const Canvas& canvas);
  void handle_keys(Frame& frame, const Canvas& canvas);
  void show_event(Frame& frame, EventRef event);
  void describe(Frame& frame, EventRef event);
  void find(Frame& frame, bool forward);
  void zoom_to_decision(Frame& frame);
  // `glides` false: is shown at once, as what follows the pointer must.
  void set_time(Frame& frame, std::optional<TimeRange> range, bool glides = true);
  std::string caption(const Overview& overview) const;
  // The time at x once the view has glided to where it is wanted: what a zoom there is about.
  double wanted_at(float x) const {
    const auto across = static_cast<double>((x - rows_.plot().x) / rows_.plot().w);
    return wanted_.begin + std::clamp(across, 0., 1.) * wanted_.length();
  }
  // What is visible, in ns.
  double whole() const { return std::max(kShortestView, static_cast<double>(data_->end_ns)); }

  TimelineRows rows_;
  TimelineStatisticsPane statistics_;
  TimelineRows::Shown shown_;
  TimeRange wanted_;  // of the view; shown_.visible glides there
  Glide glide_;
  bool grown_ = false;  // other data than in the frame before
  std::shared_ptr<const TimelineData> data_;
  std::shared_ptr<const Overview> overview_;
  TraceId trace_;
  float scroll_ = 0;
  // Of a drag: where it began, in ns.
  std::optional<double> measured_from_;
  std::optional<double> zoomed_from_;
  // Search.
  std::string text_;
  std::optional<TimelineSearch> search_;
  std::string search_for_;
  const Overview* searched_in_ = nullptr;
  bool focus_search_ = false;
  std::string found_;  // what was found, or that nothing was
  std::optional<TimeRange> match_;
};

void TimelinePage::draw(Frame& frame, const Rect& area) {
  const auto overview = frame.session.overview();
  if (!ready(frame, area, overview)) return;
  const TraceId trace = frame.session.view().run.trace;
  const auto timeline = frame.library.timeline(trace);
  if (!ready(frame, area, timeline)) return;
  if (trace_ != trace) {
    trace_ = trace;
    shown_.match.reset();
    found_.clear();
  }
  // A snapshot that grew has the same events and more, but its last blocks may be cut anew.
  if (data_ != timeline.value && shown_.match && !timeline->has(*shown_.match)) {
    shown_.match.reset();
  }
  grown_ = data_ != timeline.value;
  data_ = timeline.value;
  overview_ = overview.value;
  if (data_->tracks.empty() && data_->memory.empty()) {
    if (timeline.state == LoadState::loading && overview->spans > 0) {
      message(frame, area, "Loading ...");
    } else {
      message(frame, area, "This trace has no spans",
              "It was recorded with `kvreel record --no-spans`, or nothing has happened yet.");
    }
    return;
  }
  Rect rest = area;
  draw_tools(frame, rest.take_top(frame.px(34)));
  const float table = std::min(frame.px(290), rest.h * 0.42f);
  const Rect bottom = rest.take_bottom(table);
  rest.take_bottom(frame.px(8));
  draw_timeline(frame, rest);
  const std::optional<TimeRange> selection = frame.session.view().selection;
  const bool selected = selection && selection->length() > 0 && !measured_from_;
  statistics_.draw(frame, bottom, data_, *overview_, selected ? *selection : wanted_, selected);
}

void TimelinePage::set_time(Frame& frame, std::optional<TimeRange> range, bool glides) {
  std::optional<TimeRange>& time = frame.session.view().time;
  if (range) range = clamp_range(*range, whole());
  // Everything is said as such: a live trace then goes on growing in view.
  if (range && range->length() >= whole()) range.reset();
  time = range;
  wanted_ = range ? *range : TimeRange{0, whole()};
  shown_.visible = glide_.at(wanted_, frame.now_s, frame.motion && glides);
}

void TimelinePage::draw_tools(Frame& frame, Rect line) {
  View& view = frame.session.view();
  if (frame.pressed({KeyPress::kSlash})) focus_search_ = true;
  ImGui::SetCursorScreenPos(line.min());
  draw_search(frame);
  ImGui::SameLine(0, frame.px(20));
  if (button(frame, "timeline.fit", "Fit", "The whole recording (Home)")) set_time(frame, {});
  ImGui::SameLine();
  if (button(frame, "timeline.decision", "Zoom to decision",
             "Deciding and compacting of the chosen run, sample and layer")) {
    zoom_to_decision(frame);
  }
  if (view.selection) {
    ImGui::SameLine();
    if (button(frame, "timeline.zoom_selection", "Zoom to selection",
               "The range that was measured")) {
      set_time(frame, around(*view.selection, 0, whole()));
    }
  }
  ImGui::SameLine(0, frame.px(14));
  const ImVec2 at = ImGui::GetCursorScreenPos();
  draw_text_fitted(*ImGui::GetWindowDrawList(), frame.theme.fonts.small, {at.x, at.y + frame.px(6)},
                   line.right() - at.x, frame.palette().text2, found_);
  frame.items.add("timeline.match", {at.x, at.y, line.right() - at.x, line.h}, found_);
}

void TimelinePage::draw_search(Frame& frame) {
  ImGui::SetNextItemWidth(frame.px(290));
  if (focus_search_) {
    ImGui::SetKeyboardFocusHere();
    focus_search_ = false;
  }
  const bool entered =
      ImGui::InputTextWithHint("##timeline.search", "Find operation, kernel, sample, run", &text_,
                               ImGuiInputTextFlags_EnterReturnsTrue);
  frame.items.add("timeline.search", last_item_rect(), text_);
  if (!search_ || search_for_ != text_ || searched_in_ != overview_.get()) {
    search_.emplace(overview_, text_);
    if (search_for_ != text_) {
      shown_.match.reset();
      found_ = search_->empty() || search_->known() ? "" : "Nothing is named so";
    }
    search_for_ = text_;
    searched_in_ = overview_.get();
  }
  ImGui::SameLine(0, frame.px(4));
  const bool back = button(frame, "timeline.previous", "<", "The match before (Shift+N)");
  ImGui::SameLine(0, frame.px(4));
  const bool on = button(frame, "timeline.next", ">", "The next match (Enter, N)");
  if (search_->empty()) return;
  if (entered || on || frame.pressed({'N'})) find(frame, true);
  if (back || frame.pressed({'N', true})) find(frame, false);
  if (entered) focus_search_ = true;  // stays, so that Enter goes on
}

void TimelinePage::find(Frame& frame, bool forward) {
  const double from = shown_.match ? event_range(*data_, *shown_.match).begin
                      : forward    ? wanted_.begin - 1
                                   : wanted_.end;
  std::optional<EventRef> found =
      forward ? search_->next(*data_, from) : search_->previous(*data_, from);
  bool around_the_end = false;
  if (!found) {
    around_the_end = true;
    found = forward ? search_->next(*data_, -1)
                    : search_->previous(*data_, static_cast<double>(kLatestNs) + 1);
  }
  if (!found) {
    found_ = "Nothing found";
    return;
  }
  shown_.match = found;
  const EventFacts facts = event_facts(*data_, *overview_, *found);
  found_ =
      facts.name + (facts.layer >= 0 ? " L" + std::to_string(facts.layer) : "") + " · " +
      format_duration(static_cast<double>(facts.duration_ns)) + " at " +
      moment_text(static_cast<double>(facts.start_ns), 1e6) +
      (around_the_end ? forward ? " · from the beginning again" : " · from the end again" : "");
  if (frame.log) frame.log("found " + found_);
  show_event(frame, *found);
}

// Moves the view to an event, and zooms in only where it would be too small to see.
void TimelinePage::show_event(Frame& frame, EventRef event) {
  const TimeRange range = event_range(*data_, event);
  TimeRange view = wanted_;
  const double least = view.length() / 400;
  if (range.length() < least) {
    const double length = std::max(range.length() * 40, kShortestView);
    view = {range.begin, range.begin + length};
  } else if (range.length() > view.length()) {
    view = around(range, 0.1, whole());
  } else if (range.begin >= view.begin && range.end <= view.end) {
    return;
  }
  const double middle = (range.begin + range.end) / 2;
  set_time(frame, TimeRange{middle - view.length() / 2, middle + view.length() / 2});
}

void TimelinePage::zoom_to_decision(Frame& frame) {
  const View& view = frame.session.view();
  const int32_t sample = frame.session.sample_in(view.run.trace);
  const auto range = decision_range(*data_, view.run.run, sample, view.layer);
  if (!range) {
    found_ = "No span of a decision of this run, sample and layer was recorded";
    return;
  }
  found_ = fmt::format("decision of layer {}: {}", view.layer, format_duration(range->length()));
  set_time(frame, around(*range, 0.15, whole()));
}

std::string TimelinePage::caption(const Overview& overview) const {
  std::string text =
      fmt::format("{} visible of {} · {} events", format_duration(shown_.visible.length()),
                  format_duration(whole()), grouped(static_cast<int64_t>(data_->events)));
  const uint64_t all = overview.spans + overview.kernels;
  if (data_->events < all) {
    text += fmt::format(" of {} so far", grouped(static_cast<int64_t>(all)));
  }
  text += " · height of short events: their share of the time";
  return text;
}

void TimelinePage::draw_timeline(Frame& frame, const Rect& area) {
  const View& view = frame.session.view();
  shown_.data = data_;
  shown_.overview = overview_.get();
  wanted_ = view.time ? clamp_range(*view.time, whole()) : TimeRange{0, whole()};
  // What comes while it loads is there at once.
  shown_.visible = glide_.at(wanted_, frame.now_s, frame.motion && !grown_);
  shown_.selection = view.selection;
  shown_.search = search_ && search_->known() ? &*search_ : nullptr;
  const int32_t sample = frame.session.sample_in(view.run.trace);
  shown_.step = step_range(*data_, view.run.run, sample, view.step);

  Rect inner = pane(frame, "timeline", area, "Timeline", caption(*overview_));
  for (const std::string& note : data_->notes) {
    draw_text_fitted(*ImGui::GetWindowDrawList(), frame.theme.fonts.small,
                     inner.take_top(frame.px(18)).min(), inner.w, frame.palette().warning, note);
  }
  const Rect legend = inner.take_bottom(frame.px(20));
  rows_.arrange(frame, inner, shown_, scroll_);
  scroll_ = std::clamp(scroll_, 0.f, rows_.overflow());
  const Canvas over = canvas(frame, "timeline.rows", rows_.plot());
  const TimeRange before = shown_.visible;
  handle_canvas(frame, over);
  handle_keys(frame, over);
  shown_.selection = view.selection;
  if (before != shown_.visible) rows_.arrange(frame, inner, shown_, scroll_);
  rows_.draw(frame, shown_);
  frame.animating = frame.animating || glide_.moving();
  draw_category_legend(frame, legend);
  frame.items.add("timeline.range", rows_.plot(),
                  fmt::format("{:.0f} {:.0f}", shown_.visible.begin, shown_.visible.end));

  ImDrawList& list = *ImGui::GetWindowDrawList();
  const auto outline = [&](EventRef event, ImU32 color, float thickness) {
    if (const auto rect = rows_.rect_of(shown_, event)) {
      list.AddRect({rect->x + 0.5f, rect->y + 0.5f}, {rect->right() - 0.5f, rect->bottom() - 0.5f},
                   color, 0, 0, thickness);
    }
  };
  if (shown_.match) outline(*shown_.match, frame.palette().accent, frame.px(2));
  if (!over.hovered) return;
  const TimelineHit hit = rows_.hit(shown_, over.mouse);
  frame.session.next_hover().time_ns =
      rows_.scale().time(static_cast<double>(over.mouse.x - rows_.plot().x));
  if (hit.event) {
    outline(*hit.event, frame.palette().text, 1);
    describe(frame, *hit.event);
    if (over.clicked) {
      const Hover& at = frame.session.next_hover();
      if (at.run) frame.session.select_run(*at.run);
      const int32_t pass = data_->pass_of(*hit.event);
      if (pass >= 0) {
        const int32_t of = (*data_->passes)[static_cast<size_t>(pass)].sample;
        if (of >= 0 && static_cast<size_t>(of) < overview_->samples.size()) {
          frame.session.select_sample(overview_->samples[static_cast<size_t>(of)].id);
        }
      }
      if (at.layer && *at.layer >= 0) frame.session.select_layer(*at.layer);
      if (at.step && *at.step >= 0) frame.session.view().step = *at.step;
    }
    if (over.double_clicked)
      set_time(frame, around(event_range(*data_, *hit.event), 0.25, whole()));
  } else if (over.clicked) {
    frame.session.view().selection.reset();
  }
}

// Left measures, right pans, middle zooms to a range, the wheel zooms around the pointer.
void TimelinePage::handle_canvas(Frame& frame, const Canvas& over) {
  View& view = frame.session.view();
  const TimeScale scale = rows_.scale();
  const auto time_at = [&](float x) {
    return std::clamp(scale.time(static_cast<double>(x - rows_.plot().x)), scale.begin, scale.end);
  };
  if (over.wheel != 0) {
    if (ImGui::GetIO().KeyShift) {
      scroll_ = std::clamp(scroll_ - over.wheel * frame.px(40), 0.f, rows_.overflow());
    } else {
      const double factor = std::pow(kZoomStep, -static_cast<double>(over.wheel));
      set_time(frame, zoom_range(wanted_, wanted_at(over.mouse.x), factor, whole()));
    }
  }
  const bool middle = ImGui::IsMouseDown(ImGuiMouseButton_Middle);
  if (over.dragging) {
    if (!measured_from_) measured_from_ = time_at(over.pressed_at.x);
    const double to = time_at(over.mouse.x);
    view.selection = TimeRange{std::min(*measured_from_, to), std::max(*measured_from_, to)};
  } else {
    measured_from_.reset();
  }
  if (over.panning && middle) {
    if (!zoomed_from_) {
      zoomed_from_ = time_at(ImGui::GetIO().MouseClickedPos[ImGuiMouseButton_Middle].x);
    }
    const double to = time_at(over.mouse.x);
    view.selection = TimeRange{std::min(*zoomed_from_, to), std::max(*zoomed_from_, to)};
  } else if (over.panning) {
    const double ns_per_px = wanted_.length() / scale.width;
    set_time(frame, pan_range(wanted_, -static_cast<double>(over.delta.x) * ns_per_px, whole()),
             false);
    scroll_ = std::clamp(scroll_ - over.delta.y, 0.f, rows_.overflow());
  } else if (zoomed_from_ && !middle) {
    zoomed_from_.reset();
    if (view.selection && view.selection->length() > 0) set_time(frame, view.selection);
    view.selection.reset();
  }
}

void TimelinePage::handle_keys(Frame& frame, const Canvas& over) {
  const TimeRange now = wanted_;
  const double anchor = over.hovered ? wanted_at(over.mouse.x) : (now.begin + now.end) / 2;
  if (frame.pressed({KeyPress::kHome})) set_time(frame, {});
  constexpr double kKeyStep = kZoomStep * kZoomStep;
  if (frame.pressed({'W'})) set_time(frame, zoom_range(now, anchor, 1 / kKeyStep, whole()));
  if (frame.pressed({'S'})) set_time(frame, zoom_range(now, anchor, kKeyStep, whole()));
  if (frame.pressed({'A'})) set_time(frame, pan_range(now, -now.length() / 5, whole()));
  if (frame.pressed({'D'})) set_time(frame, pan_range(now, now.length() / 5, whole()));
  if (frame.session.view().selection && frame.pressed({KeyPress::kEscape})) {
    frame.session.view().selection.reset();
  }
}

// Says what is under the pointer, here and to the other panes.
void TimelinePage::describe(Frame& frame, EventRef event) {
  const EventFacts facts = event_facts(*data_, *overview_, event);
  Hover& hover = frame.session.next_hover();
  const TraceId trace = frame.session.view().run.trace;
  std::string run = "-";
  std::string sample = "-";
  if (facts.run >= 0 && static_cast<size_t>(facts.run) < overview_->runs.size()) {
    hover.run = RunRef{trace, facts.run};
    run = overview_->runs[static_cast<size_t>(facts.run)].name;
  }
  if (facts.sample >= 0 && static_cast<size_t>(facts.sample) < overview_->samples.size()) {
    sample = overview_->samples[static_cast<size_t>(facts.sample)].id;
  }
  if (facts.layer >= 0) hover.layer = facts.layer;
  if (facts.step >= 0) hover.step = facts.step;
  const auto duration = static_cast<double>(facts.duration_ns);
  std::vector<std::pair<std::string, std::string>> lines;
  if (facts.kind != TrackKind::passes) lines.emplace_back("", facts.name);
  lines.emplace_back("duration", format_duration(duration));
  if (facts.step_ns > 0 && facts.kind != TrackKind::steps) {
    const double share = 100 * duration / static_cast<double>(facts.step_ns);
    lines.back().second += fmt::format("  ({:.1f} % of its step)", share);
  }
  if (facts.kind == TrackKind::operations || facts.kind == TrackKind::stream) {
    lines.emplace_back("layer", facts.layer >= 0 ? std::to_string(facts.layer) : "-");
  }
  if (facts.kind != TrackKind::passes) {
    lines.emplace_back("step", facts.step < 0    ? "-"
                               : facts.step == 0 ? "0 (prefill)"
                                                 : std::to_string(facts.step));
  }
  lines.emplace_back("run", run);
  lines.emplace_back("sample", sample);
  lines.emplace_back("start",
                     moment_text(static_cast<double>(facts.start_ns), shown_.visible.length()));
  if (facts.stream >= 0 && facts.stream != kOtherStreams) {
    lines.emplace_back("stream", std::to_string(facts.stream));
  }
  if (facts.bytes > 0) lines.emplace_back("bytes", format_bytes(facts.bytes));
  if (!facts.finished) lines.emplace_back("", "of a pass that is not finished");
  // Several events may share a pixel: one of them is described.
  const double pixel = rows_.scale().ns_per_px();
  if (duration < pixel) {
    const double x = std::floor(rows_.scale().x(static_cast<double>(facts.start_ns)));
    const double from = rows_.scale().time(x);
    const uint64_t count = count_events(*data_, event.track, from, from + pixel);
    if (count > 1) {
      lines.emplace_back("", fmt::format("one of {} events that begin in this pixel",
                                         grouped(static_cast<int64_t>(count))));
    }
  }
  hover.text = facts.name + (facts.layer >= 0 ? " · layer " + std::to_string(facts.layer) : "") +
               " · " + format_duration(duration) + " · " + run + " · " + sample;
  frame.items.add("timeline.hovered", {}, hover.text);
  ImGui::BeginTooltip();
  for (const auto& [label, value] : lines) {
    if (!label.empty()) {
      ImGui::TextDisabled("%s", label.c_str());
      ImGui::SameLine(frame.px(90));
    }
    ImGui::TextUnformatted(value.c_str());
  }
  ImGui::EndTooltip();
}

}  // namespace

std::unique_ptr<PagePanel> make_timeline_page() {
  return std::make_unique<TimelinePage>();
}

}  // namespace kvreel::viewer
