// The compare page: samples by difference, texts, times, bytes, budgets and kept positions.
#include <algorithm>
#include <cmath>

#include "viewer/panels/compare_panes.h"
#include "viewer/panels/pages.h"
#include "viewer/panels/run_choice.h"

namespace kvreel::viewer {

ComparedRun ComparedRuns::look_up(Frame& frame, RunRef run) {
  Session& session = frame.session;
  ComparedRun one;
  one.run = run;
  one.label = session.run_label(run);
  one.color = run_color(frame, run);
  const auto overview = frame.library.overview(run.trace);
  if (!overview) return one;
  one.layers = overview->layers;
  one.kv_heads = overview->kv_heads;
  const int32_t sample = session.sample_in(run.trace);
  if (sample < 0) {
    one.missing = overview->file + " has no sample '" + session.view().sample + "'";
    return one;
  }
  if (overview->pass(run.run, sample) == nullptr) {
    one.missing = "not finished";
    return one;
  }
  const auto pass = frame.library.pass({run.trace, run.run, sample});
  one.pass = pass.value;
  if (pass.state == LoadState::failed) one.missing = pass.error;
  const RunRef reference = session.view().reference;
  if (run.trace == reference.trace) return one;
  const int32_t other = session.sample_in(reference.trace);
  if (other < 0) return one;
  const auto theirs_overview = frame.library.overview(reference.trace);
  if (!theirs_overview) return one;
  one.ids = token_ids(*overview.value, *theirs_overview.value);
  const auto mine = frame.library.prompt(run.trace, sample);
  const auto theirs = frame.library.prompt(reference.trace, other);
  if (!mine || !theirs) return one;
  const bool texts = !mine->text.empty() && !theirs->text.empty();
  one.other_prompt = one.ids == TokenIds::different && texts ? mine->text != theirs->text
                                                             : mine->ids != theirs->ids;
  return one;
}

void ComparedRuns::update(Frame& frame) {
  runs_.clear();
  std::vector<const PassDetail*> known;
  std::vector<RunRef> refs;
  for (const RunRef run : frame.session.shown_runs()) {
    runs_.push_back(look_up(frame, run));
    known.push_back(runs_.back().pass.get());
    refs.push_back(run);
  }
  if (known == known_ && refs == refs_ && version_ > 0) return;
  known_ = std::move(known);
  refs_ = std::move(refs);
  ++version_;
}

std::vector<std::string> ComparedRuns::labels() const {
  std::vector<std::string> labels;
  for (const ComparedRun& run : runs_) labels.push_back(run.label);
  return labels;
}

bool ComparedRuns::loading() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const ComparedRun& run) {
    return run.pass == nullptr && run.missing.empty();
  });
}

int ComparedRuns::layers() const {
  int layers = 0;
  for (const ComparedRun& run : runs_) layers = std::max(layers, run.layers);
  return layers;
}

namespace {

class ComparePage : public PagePanel {
 public:
  void draw(Frame& frame, const Rect& area) override {
    if (frame.library.traces().empty()) {
      message(frame, area, "No trace is open", "Open or drop a trace to compare its runs.");
      return;
    }
    book_.update(frame.session);
    runs_.update(frame);
    if (runs_.all().empty()) {
      message(frame, area, "Loading ...");
      return;
    }
    rank_.handle_keys(frame);
    const float gap = frame.px(8);
    Rect rest = area;
    const float list = std::clamp(rest.w * 0.2f, frame.px(256), frame.px(310));
    rank_.draw(frame, rest.take_left(std::round(list)), book_);
    rest.take_left(gap);
    const float wanted = TextsPane::height(frame, runs_.all().size());
    const float texts = std::min(wanted, std::max(frame.px(120), rest.h * 0.42f));
    texts_.draw(frame, rest.take_top(std::round(texts)), runs_);
    rest.take_top(gap);
    // Two rows of plots where there is room for them, else one and a choice.
    if (rest.h < frame.px(280)) {
      constexpr const char* kShown[] = {"Steps", "Layers"};
      ImGui::SetCursorScreenPos(rest.take_top(ImGui::GetFrameHeight()).min());
      rest.take_top(frame.px(4));
      segmented(frame, "compare.show", kShown, shown_);
      draw_row(frame, rest, shown_ == 0);
      return;
    }
    draw_row(frame, rest.take_top(std::round((rest.h - gap) / 2)), true);
    rest.take_top(gap);
    draw_row(frame, rest, false);
  }

 private:
  // Plots over steps, or over layers, beside each other.
  void draw_row(Frame& frame, Rect row, bool steps) {
    const float gap = frame.px(8);
    const Rect left = row.take_left(std::round((row.w - gap) / 2));
    row.take_left(gap);
    if (steps) {
      latency_.draw(frame, left, runs_);
      bytes_.draw(frame, row, runs_);
    } else {
      budgets_.draw(frame, left, runs_);
      overlap_.draw(frame, row, runs_);
    }
  }

  int shown_ = 0;
  RunBook book_;
  ComparedRuns runs_;
  RankPane rank_;
  TextsPane texts_;
  StepsPane latency_{StepsPane::What::latency};
  StepsPane bytes_{StepsPane::What::bytes};
  BudgetsPane budgets_;
  OverlapPane overlap_;
};

}  // namespace

std::unique_ptr<PagePanel> make_compare_page() {
  return std::make_unique<ComparePage>();
}

}  // namespace kvreel::viewer
