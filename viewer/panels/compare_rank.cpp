// Samples ranked by how much the compared runs differ from the reference.
#include <fmt/format.h>

#include <algorithm>

#include "exports/tables/display.h"
#include "viewer/model/ticks.h"
#include "viewer/panels/compare_panes.h"
#include "viewer/panels/run_choice.h"

namespace kvreel::viewer {
namespace {

constexpr const char* kMeasure =
    "Samples are ranked by the share of the output that begins at the first token that differs "
    "from the reference's (of the longer output; 0 %: the same tokens), then by the difference of "
    "the budgets (kept / prompt positions). Of several compared runs the largest counts.";

Grid rank_grid(const std::vector<SampleDifference>& ranked, const std::vector<std::string>& runs) {
  Grid grid;
  grid.columns = {
      {"sample", "Sample", "id of the prompt", false},
      {"output", "Output",
       "share of the longer output that begins at the first differing token; 0 %: same tokens"},
      {"budget", "Budget", "largest difference of budgets to the reference, percentage points"},
  };
  for (const SampleDifference& row : ranked) {
    GridRow cells;
    cells.cells.resize(3);
    cells.cells[0].text = row.sample;
    if (row.output) {
      GridCell& cell = cells.cells[1];
      cell.number = cell.share = *row.output;
      cell.text = fmt::format("{:.0f} %", 100 * *row.output);
      if (row.first_differing) {
        cell.tip = fmt::format("{}: token {} (from 0) is the first that differs",
                               runs[static_cast<size_t>(row.worst)], *row.first_differing);
      } else {
        cell.tip = "All compared runs generated the reference's tokens.";
      }
    } else {
      cells.cells[1].tip = "The generated tokens are not loaded.";
    }
    cells.cells[2].number = row.budget;
    cells.cells[2].text = fmt::format("{:.1f} pp", 100 * row.budget);
    cells.cells[2].tip = fmt::format(
        "{:.1f} percentage points: the largest difference of a compared run's budget "
        "to the reference's",
        100 * row.budget);
    grid.rows.push_back(std::move(cells));
  }
  return grid;
}

}  // namespace

void RankPane::refresh(Frame& frame, const RunBook& book) {
  const View& view = frame.session.view();
  if (version_ == book.version() && runs_ == view.compared) return;
  version_ = book.version();
  runs_ = view.compared;
  std::vector<RunFigures> figures;
  std::vector<std::string> labels;
  for (const RunRef run : runs_) {
    const RunOfTable* row = book.find(run);
    figures.push_back(row == nullptr ? RunFigures{} : row->figures);
    labels.push_back(frame.session.run_label(run));
  }
  const RunOfTable* reference = book.find(view.reference);
  ranked_ = reference == nullptr ? std::vector<SampleDifference>()
                                 : rank_differences(reference->figures, figures);
  grid_ = rank_grid(ranked_, labels);
  ++grids_;
  shown_ = sorted_rows(grid_, order_);
  selected_.clear();
}

void RankPane::go(Frame& frame, int row) {
  if (row < 0 || static_cast<size_t>(row) >= ranked_.size()) return;
  choose_sample(frame, ranked_[static_cast<size_t>(row)].sample);
}

void RankPane::handle_keys(Frame& frame) {
  const std::string& sample = frame.session.view().sample;
  if (frame.pressed({'N'})) go(frame, next_different(ranked_, sample, 1));
  if (frame.pressed({'N', true})) go(frame, next_different(ranked_, sample, -1));
}

void RankPane::draw(Frame& frame, const Rect& area, const RunBook& book) {
  refresh(frame, book);
  const View& view = frame.session.view();
  Rect inner = pane(frame, "compare.rank.pane", area, "Samples",
                    fmt::format("{} by difference", grouped(static_cast<int64_t>(ranked_.size()))));
  if (ranked_.empty()) {
    message(frame, inner, book.loading() ? "Loading ..." : "Nothing to compare",
            book.loading() ? "" : "No sample was finished by the reference and a compared run.");
    return;
  }
  const Rect buttons = inner.take_top(frame.px(32));
  ImGui::SetCursorScreenPos(buttons.min());
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {frame.px(8), frame.px(4)});
  const std::string most = std::string("Go to the sample that differs most.\n\n") + kMeasure;
  if (button(frame, "compare.most", "Most different", most.c_str(), true)) go(frame, 0);
  ImGui::SameLine(0, frame.px(6));
  if (button(frame, "compare.next", "Next", "The next most different sample (N; back: Shift+N)"))
    go(frame, next_different(ranked_, view.sample, 1));
  ImGui::PopStyleVar();
  // The measure in short; the tooltip of the button says all of it.
  ImFont* const small = frame.theme.fonts.small;
  constexpr std::string_view kShort =
      "By output from the first token that differs, then by budget; largest of the compared runs";
  const float wrap = inner.w;
  const float lines = small
                          ->CalcTextSizeA(small->FontSize, FLT_MAX, wrap, kShort.data(),
                                          kShort.data() + kShort.size())
                          .y;
  const Rect measure = inner.take_top(lines + frame.px(6));
  ImGui::GetWindowDrawList()->AddText(small, small->FontSize, measure.min(), frame.palette().text2,
                                      kShort.data(), kShort.data() + kShort.size(), wrap);
  inner.x -= frame.px(6);
  inner.w += frame.px(12);
  GridOptions options;
  options.bar = mix(frame.palette().pane, frame.palette().warning, 0.8f);
  const auto here = std::find_if(ranked_.begin(), ranked_.end(), [&](const SampleDifference& row) {
    return row.sample == view.sample;
  });
  if (here != ranked_.end()) {
    options.selected = static_cast<int>(here - ranked_.begin());
    if (selected_ != view.sample) table_.reveal(static_cast<size_t>(options.selected));
  }
  selected_ = view.sample;
  const GridEvents events =
      table_.draw(frame, "compare.rank", inner, grid_, grids_, shown_, order_, options);
  if (events.sorted) shown_ = sorted_rows(grid_, order_);
  if (events.hovered >= 0) {
    frame.session.next_hover().text =
        ranked_[static_cast<size_t>(events.hovered)].sample + ": click to compare on this sample";
  }
  if (events.clicked >= 0) {
    selected_ = ranked_[static_cast<size_t>(events.clicked)].sample;
    go(frame, events.clicked);
  }
}

}  // namespace kvreel::viewer
