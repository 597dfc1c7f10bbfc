// What the window shows and where it stands: one value that every pane shares. No GUI here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "viewer/data/library.h"
#include "viewer/model/figure_look.h"
#include "viewer/model/what_if.h"

namespace kvreel::viewer {

enum class Page : uint8_t { overview, replay, compare, timeline, attention, figures };
inline constexpr int kPages = 6;

struct RunRef {
  TraceId trace;
  int32_t run = 0;
  auto operator<=>(const RunRef&) const = default;
};

enum class Aggregation : uint8_t { mean, max, min };
std::string_view aggregation_name(Aggregation aggregation);

struct TimeRange {
  double begin = 0;  // ns
  double end = 0;
  double length() const { return end - begin; }
  bool operator==(const TimeRange&) const = default;
};

// How the replay page is divided where a person has dragged its gaps: the first pane's share of
// both that are divided. None: as it suits the window.
struct PaneShares {
  std::optional<float> facts;  // left of everything else
  std::optional<float> plots;  // above the prompt
  std::optional<float> map;    // left of the curves
  bool operator==(const PaneShares&) const = default;
};

// What the user can change and take back. Panes read it, and change it through Session.
struct View {
  Page page = Page::overview;
  // The one position.
  RunRef run;
  std::string sample;  // id: samples of several traces are aligned by it
  int32_t layer = 0;
  int32_t token = -1;  // prompt position, -1: none
  int32_t step = 0;    // generated token
  // Runs side by side.
  RunRef reference;
  std::vector<RunRef> compared;  // the reference not among them

  // Replay: how many evictions of every layer have happened; -1: all of them.
  int64_t replay = -1;
  bool replay_one_layer =
      false;                // only the position's layer is played, the others stand at their end
  double replay_speed = 1;  // x, of 5 s for all evictions
  bool replay_loop = false;
  // The threshold of the what-if, as a share; none: what was recorded.
  std::optional<double> threshold;

  // Map and text.
  double token_begin = 0;  // visible columns of the map
  double token_end = 0;    // 0: all
  Aggregation aggregation = Aggregation::mean;
  bool map_difference = false;   // reference minus run
  bool text_all_layers = false;  // chips show the share of layers that keep a token
  bool text_strike = false;      // chips of tokens that are gone are struck through
  bool curves_all_layers = false;

  PaneShares replay_panes;

  // Timeline.
  std::optional<TimeRange> time;       // visible; none: everything
  std::optional<TimeRange> selection;  // measured

  // Attention.
  int32_t head = -1;   // query head, -1: mean over heads
  int32_t metric = 0;  // row of kAttentionMetrics

  FigureLook figure;

  bool operator==(const View&) const = default;
};

// Where the pointer is, whatever pane it is over. Lives for one frame and is shown in the next.
struct Hover {
  std::optional<RunRef> run;
  std::optional<int32_t> layer;
  std::optional<int32_t> token;
  std::optional<int32_t> step;
  std::optional<double> time_ns;
  std::string text;  // what the status line says
};

class Session {
 public:
  explicit Session(Library& library) : library_(library) {}

  Library& library() { return library_; }
  View& view() { return view_; }  // to change; remember() keeps what was before
  const View& view() const { return view_; }
  // What was kept from the last time: nothing that could be taken back.
  void begin_with(const View& view) { view_ = before_ = view; }

  // Takes back changes since, as one step. Called once a frame by the shell: a change that goes on
  // (a drag) is one step, kept when `settled` is true again.
  void remember(bool settled);
  bool can_undo() const { return !past_.empty(); }
  void undo();
  void redo();

  // Once a frame: chooses a run, sample and layer where the chosen ones are gone or nothing is
  // chosen yet.
  void settle();

  // Of the position; nothing where it is not loaded. Sample numbers differ between traces.
  Loaded<Overview> overview() { return library_.overview(view_.run.trace); }
  int32_t sample_in(TraceId trace);  // number of the position's sample in a trace, -1: it has none
  std::optional<PassKey> pass_key(RunRef run);
  Loaded<PassDetail> pass(RunRef run);
  Loaded<PassDetail> pass() { return pass(view_.run); }
  Loaded<Prompt> prompt();

  // The threshold of the what-if, against the curve that the run's policy cuts by.
  WhatIf what_if(RunRef run);
  WhatIf what_if() { return what_if(view_.run); }

  // Every run of every open trace, in order.
  std::vector<RunRef> runs();
  const RunInfo* run_info(RunRef run);  // null: not loaded
  std::string run_label(RunRef run);  // "refreekv"; "refreekv (b.h5)" where several traces are open
  // The reference and the compared runs.
  std::vector<RunRef> shown_runs();

  // Choosing. Each sets hover-independent state and is what a click in any pane calls.
  void select_run(RunRef run);
  void select_sample(std::string id);
  void select_layer(int32_t layer);
  void select_token(int32_t token);
  void go(Page page) { view_.page = page; }

  // Pointer: panes set `next_hover`; what was set in the last frame is in hover().
  const Hover& hover() const { return hover_; }
  Hover& next_hover() { return next_hover_; }
  void end_frame();

  // Playing. `now_s` is passed in: nothing here looks at a clock.
  bool playing() const { return playing_; }
  void play(bool on);
  // Evictions of the longest decision at the position (or of its layer alone), at the threshold of
  // the what-if where there is one; the end of the replay bar.
  int64_t replay_length();
  int64_t replay_position();  // 0..replay_length()
  void set_replay(int64_t position);
  void advance(double now_s);

 private:
  void choose_what_is_there();

  Library& library_;
  View view_;
  View before_;                       // at the last settled frame
  std::vector<RunRef> all_compared_;  // what settle() chose last
  std::vector<View> past_;
  std::vector<View> future_;
  Hover hover_;
  Hover next_hover_;
  bool playing_ = false;
  double played_from_s_ = -1;
  double replay_fraction_ = 0;
  // What replay_length() last counted, and of what.
  std::shared_ptr<const PassDetail> counted_pass_;
  int counted_layer_ = -1;
  WhatIf counted_at_;
  int64_t counted_ = 0;
};

}  // namespace kvreel::viewer
