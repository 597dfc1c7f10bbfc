// The panes of the replay page, and what they draw from.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "viewer/model/curves.h"
#include "viewer/model/find.h"
#include "viewer/model/glide.h"
#include "viewer/model/replay_data.h"
#include "viewer/model/threshold_means.h"
#include "viewer/model/token_flow.h"
#include "viewer/panels/ui.h"

namespace kvreel::viewer {

// Of one frame: everything is loaded.
struct ReplayScene {
  Session& session;
  const Overview& overview;
  std::shared_ptr<const Prompt> prompt;
  const ReplayData& run;
  const ReplayData* reference = nullptr;  // null where it cannot be compared token by token
  std::string_view reference_problem;     // why
  int64_t position = 0;
  int64_t length = 0;
  int layers() const { return run.index().layers(); }
  int32_t tokens() const { return run.index().tokens(); }
  int layer() const { return session.view().layer; }
  // 'Paris', or its position where the prompt has no such token.
  std::string token_name(int32_t token) const;
};

// A pane's title, its caption in what room is left, and `controls` pixels on the right of the same
// line.
struct PaneArea {
  Rect content;
  Rect controls;
};
PaneArea pane_with_controls(Frame& frame, const char* name, const Rect& rect, const char* title,
                            std::string_view caption, float controls);

// What is known of a layer's decision, and the layers with their budgets.
class FactsPane {
 public:
  void draw(Frame& frame, const Rect& rect, const ReplayScene& scene);

 private:
  void draw_layers(Frame& frame, const Rect& rect, const ReplayScene& scene);
  int32_t shown_layer_ = -1;  // scrolled to
};

// Layers x tokens.
class MapPane {
 public:
  void draw(Frame& frame, const Rect& rect, const ReplayScene& scene);

 private:
  void draw_picture(Frame& frame, const Rect& plot, const ReplayScene& scene, double begin,
                    double end, const MapColumns& columns, bool difference);
  void draw_axes(Frame& frame, const Rect& plot, const ReplayScene& scene, double begin, double end,
                 bool difference);
  void draw_marks(Frame& frame, const Rect& plot, const ReplayScene& scene, double begin,
                  double end);
  void draw_budgets(Frame& frame, const Rect& rect, const ReplayScene& scene);
  void point_at(Frame& frame, const Rect& plot, const ReplayScene& scene, double begin, double end,
                bool difference);
  // Tokens [begin, end) that are to be visible.
  static TimeRange wanted(const View& view, int32_t tokens);

  Glide glide_;
  const void* glides_in_ = nullptr;  // the pass
};

// Norm curves with the threshold and the cut.
class CurvesPane {
 public:
  void draw(Frame& frame, const Rect& rect, const ReplayScene& scene);

 private:
  struct Line {
    std::shared_ptr<const std::vector<float>> curve;
    std::shared_ptr<const CurvePyramid> pyramid;
    std::vector<ImVec2> points;
  };
  struct Axes {
    Rect plot;
    double most_x = 1;
    bool log = true;
    double most_y = 1;
    float x(double candidate) const;
    float y(double drop) const;
    double drop_at(float y) const;
    bool operator==(const Axes& other) const;
  };
  void gather(const ReplayScene& scene);
  void draw_axes(Frame& frame, const Axes& axes);
  void draw_threshold(Frame& frame, const Axes& axes, const ReplayScene& scene);
  void draw_position(Frame& frame, const Axes& axes, const ReplayScene& scene);
  void point_at(Frame& frame, const Axes& axes, const ReplayScene& scene);

  std::vector<Line> lines_;  // [layers]
  Axes drawn_;               // what the lines' points are for
  bool log_ = true;
  bool moving_threshold_ = false;
};

// The prompt as chips, the find field, and what the model said.
class TextPane {
 public:
  void draw(Frame& frame, const Rect& rect, const ReplayScene& scene);

 private:
  void prepare(Frame& frame, const ReplayScene& scene, float width);
  void draw_find(Frame& frame, const Rect& rect, const ReplayScene& scene);
  void go_to_match(const ReplayScene& scene, int step);
  void draw_chips(Frame& frame, const Rect& rect, const ReplayScene& scene);
  void draw_chip(Frame& frame, ImDrawList& list, const Rect& chip, const ReplayScene& scene,
                 int32_t token);
  void draw_output(Frame& frame, const Rect& rect, const ReplayScene& scene);

  std::shared_ptr<const Prompt> prompt_;
  std::vector<std::string> shown_;  // [tokens], what a chip says
  std::vector<float> leads_;        // [tokens], room before the chip where a word begins
  std::vector<uint8_t> ends_row_;
  const ImFont* font_ = nullptr;
  int glyphs_ = 0;
  float font_size_ = 0;
  float width_ = 0;
  TokenFlow flow_;
  JoinedText joined_;
  std::string query_;
  std::vector<Match> matches_;
  std::vector<uint8_t> matched_;  // [tokens]
  int match_ = -1;
  bool focus_find_ = false;
  int32_t scrolled_to_ = -1;
  bool scroll_ = false;
  int32_t first_visible_ = 0;
  int32_t last_visible_ = 0;
};

// The threshold's slider, and what it changes: of this sample, and of all samples of the run.
class ThresholdBar {
 public:
  void draw(Frame& frame, const Rect& rect, const ReplayScene& scene);

 private:
  void draw_summary(Frame& frame, const Rect& rect, const ReplayScene& scene);

  ThresholdMeans means_;
  std::string typed_;
  bool editing_ = false;
};

// Play, step, scrub.
void draw_replay_bar(Frame& frame, const Rect& rect, const ReplayScene& scene);
// Space, arrows, Home and End.
void handle_replay_keys(Frame& frame, bool home_is_taken);

// What a row of small buttons takes, with the paddings that small_controls() sets.
float small_controls_width(Frame& frame, std::initializer_list<const char*> labels);
// Small buttons from `at` on, until end_small_controls().
void begin_small_controls(Frame& frame, ImVec2 at);
void end_small_controls();

// How a token's chip and map cell look where a share of heads (or layers) keeps it.
ImU32 ground_of(const Palette& palette, double share);

}  // namespace kvreel::viewer
