// Attention norms and rows: the model by hand, the page by the names of its items.
#include <cmath>
#include <numeric>
#include <random>

#include "exports/tables/small_trace.h"
#include "viewer/big_trace.h"
#include "viewer/model/attention_view.h"
#include "viewer/null_ui.h"

namespace kvreel::viewer::testing {
namespace {

AttentionNorms made_norms(std::vector<int32_t> steps, float offset) {
  AttentionNorms norms;
  norms.layers = 2;
  norms.heads = 3;
  norms.steps = std::move(steps);
  const size_t cells = norms.steps.size() * 6;
  for (size_t i = 0; i < cells; ++i) {
    norms.last_row_norm.push_back(static_cast<float>(i) + offset);
    norms.mean_entropy.push_back(100 + static_cast<float>(i));
  }
  norms.frobenius = norms.last_row_entropy = norms.last_row_sinks = norms.last_row_norm;
  return norms;
}

TEST(AttentionView, AGridIsOneStepWithItsExtremes) {
  AttentionNorms norms = made_norms({0, 2}, 0);
  norms.last_row_norm[7] = std::nanf("");
  const NormGrid grid = norm_grid(norms, 0, 1);
  EXPECT_EQ(grid.at(0, 0), 6);
  EXPECT_TRUE(std::isnan(grid.at(0, 1)));
  EXPECT_EQ(grid.at(1, 2), 11);
  EXPECT_EQ(grid.least, 6);
  EXPECT_EQ(grid.most, 11);
  EXPECT_EQ(norm_grid(norms, 2, 0).at(1, 0), 103);
  EXPECT_FALSE(norm_grid(norms, 0, -1).any);
  EXPECT_FALSE(norm_grid(norms, 0, 2).any);
}

TEST(AttentionView, AStepWithoutNormsShowsTheLastBeforeIt) {
  const AttentionNorms norms = made_norms({0, 2, 5}, 0);
  EXPECT_EQ(recorded_step(norms, 0), 0);
  EXPECT_EQ(recorded_step(norms, 1), 0);
  EXPECT_EQ(recorded_step(norms, 2), 1);
  EXPECT_EQ(recorded_step(norms, 99), 2);
  EXPECT_EQ(recorded_step(made_norms({3}, 0), 1), 0);
  EXPECT_EQ(recorded_step(AttentionNorms{}, 1), -1);
}

TEST(AttentionView, ADifferenceIsByStepNumberAndAroundZero) {
  const AttentionNorms a = made_norms({0, 2}, 0.5f);
  const AttentionNorms b = made_norms({2}, 0);
  // Step 2 is row 1 of a (values 6.5..) and row 0 of b (values 0..).
  const NormGrid grid = norm_difference(a, b, 0, 2);
  EXPECT_EQ(grid.at(1, 2), 6.5f);
  EXPECT_EQ(grid.most, 6.5f);
  EXPECT_EQ(grid.least, -6.5f);
  EXPECT_FALSE(norm_difference(a, b, 0, 0).any);  // b has no step 0
  const NormLines lines = norm_line_difference(a, b, 0, 1);
  EXPECT_TRUE(std::isnan(lines.by_head[0][0]));
  EXPECT_EQ(lines.by_head[0][1], 6.5);
  EXPECT_EQ(lines.mean[1], 6.5);
}

TEST(AttentionView, LinesHaveTheMeanOverHeadsThatHaveAValue) {
  AttentionNorms norms = made_norms({0, 2}, 0);
  norms.last_row_norm[norms.index(0, 1, 0)] = std::nanf("");
  const NormLines lines = norm_lines(norms, 0, 1);
  ASSERT_EQ(lines.by_head.size(), 3u);
  EXPECT_EQ(lines.mean[0], 4.5);  // of 4 and 5
  EXPECT_EQ(lines.mean[1], 10);
  EXPECT_EQ(lines.least, 4);
  EXPECT_EQ(lines.most, 11);
}

// 6 prompt tokens; layer 0 keeps 0, 1 and 4, 5; layer 1 keeps other tokens for each KV head.
PassDetail made_pass() {
  PassDetail pass;
  pass.info.prompt_tokens = 6;
  Decision both;
  both.layer = 0;
  both.kept_ranges = {{0, 2}, {4, 6}};
  Decision first;
  first.layer = 1;
  first.kv_head = 0;
  first.kept_ranges = {{0, 1}, {5, 6}};
  Decision second = first;
  second.kv_head = 1;
  second.kept_ranges = {{0, 1}, {4, 5}};
  pass.decisions = {both, first, second};
  return pass;
}

TEST(AttentionView, KeysOfAStepAreThePositionsThatWereCached) {
  const PassDetail pass = made_pass();
  using Positions = std::vector<int32_t>;
  EXPECT_EQ(key_positions(pass, 0, 0, 0, 4, 2, 6), (Positions{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(key_positions(pass, 1, 0, 0, 4, 2, 5), (Positions{0, 1, 4, 5, 6}));
  EXPECT_EQ(key_positions(pass, 2, 0, 0, 4, 2, 6), (Positions{0, 1, 4, 5, 6, 7}));
  EXPECT_EQ(key_positions(pass, 1, 1, 1, 4, 2, 3), (Positions{0, 5, 6}));  // head 1: KV head 0
  EXPECT_EQ(key_positions(pass, 1, 1, 2, 4, 2, 3), (Positions{0, 4, 6}));
  EXPECT_FALSE(key_positions(pass, 1, 0, 0, 4, 2, 7));  // not as many: unknown, never guessed
}

TEST(AttentionView, TheMeanOverHeadsIsByPosition) {
  const PassDetail pass = made_pass();
  AttentionRowSet rows;
  rows.by_head = {
      {0.5f, 0.25f, 0.25f}, {0.5f, 0.25f, 0.25f}, {0.25f, 0.5f, 0.25f}, {0.25f, 0.5f, 0.25f}};
  const AttentionRow mean = attention_row(rows, pass, 1, 1, -1, 4, 2);
  EXPECT_EQ(mean.position, (std::vector<int32_t>{0, 4, 5, 6}));
  EXPECT_EQ(mean.probability, (std::vector<float>{0.375f, 0.25f, 0.125f, 0.25f}));
  const AttentionRow one = attention_row(rows, pass, 1, 1, 2, 4, 2);
  EXPECT_EQ(one.position, (std::vector<int32_t>{0, 4, 6}));
  EXPECT_EQ(one.probability, rows.by_head[2]);
  EXPECT_FALSE(attention_row({}, pass, 1, 1, -1, 4, 2).any);
  EXPECT_FALSE(attention_row(rows, pass, 1, 1, 9, 4, 2).any);
}

TEST(AttentionView, TokensAreWhatTheLayersDecisionMadeThem) {
  using S = TokenState;
  const PassDetail pass = made_pass();
  EXPECT_EQ(token_states(pass, 0, -1, 4, 2, 6, 1),
            (std::vector<S>{S::sink, S::kept, S::evicted, S::evicted, S::kept, S::kept}));
  EXPECT_EQ(token_states(pass, 1, 0, 4, 2, 6, 0),
            (std::vector<S>{S::kept, S::evicted, S::evicted, S::evicted, S::evicted, S::kept}));
  // Any KV head keeps it.
  EXPECT_EQ(token_states(pass, 1, -1, 4, 2, 6, 0)[4], S::kept);
  // No decision: nothing was evicted.
  EXPECT_EQ(token_states(PassDetail{}, 0, -1, 4, 2, 2, 0), (std::vector<S>{S::kept, S::kept}));
}

TEST(AttentionView, TopKeysAndColumnsAgreeWithAScan) {
  std::mt19937 random(1);
  std::vector<float> row(1000);
  for (float& value : row) value = static_cast<float>(random() % 5000) / 5000;
  const auto top = top_keys(row, 10);
  ASSERT_EQ(top.size(), 10u);
  std::vector<float> sorted = row;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  for (size_t i = 0; i < top.size(); ++i) EXPECT_EQ(row[top[i]], sorted[i]);
  const auto columns = row_columns(row, 130);
  ASSERT_EQ(columns.size(), 130u);
  for (size_t c = 0; c < columns.size(); ++c) {
    const auto begin = row.begin() + static_cast<long>(c * 1000 / 130);
    const auto end = row.begin() + static_cast<long>((c + 1) * 1000 / 130);
    EXPECT_EQ(columns[c].probability, *std::max_element(begin, end));
    EXPECT_EQ(row[columns[c].key], columns[c].probability);
  }
  EXPECT_EQ(row_columns(row, 5000).size(), 1000u);
  EXPECT_TRUE(row_columns({}, 10).empty());
}

class AttentionPageTest : public exports::testing::ExportTest {
 protected:
  void open(bool rows) {
    BigTrace shape;
    shape.samples = 2;
    shape.spans = 400;
    shape.attention = true;
    shape.attention_rows = rows;
    write_big_trace(path(), shape);
    page_ = make_attention_page();
    ui_.show(*page_);
    ui_.open(path());
  }
  NullUi ui_;
  std::unique_ptr<PagePanel> page_;
};

TEST_F(AttentionPageTest, AClickInTheMapSelectsLayerAndHead) {
  open(true);
  // 4 layers, 8 heads: the cell of layer 2, head 5.
  ui_.click("attention.cells", 5.5f / 8, 2.5f / 4);
  EXPECT_EQ(ui_.view().layer, 2);
  EXPECT_EQ(ui_.view().head, 5);
  const std::string hovered = ui_.text("attention.hovered");
  // The last row norm is half the Frobenius norm in these traces.
  const float norm = BigTraceWriter::norm_value(0, 2, 5) / 2;
  EXPECT_TRUE(exports::testing::contains(hovered, fmt::format("last row norm {:.3g}", norm)))
      << hovered;
}

TEST_F(AttentionPageTest, TheMetricIsChosenAndTheStepGoesOn) {
  open(true);
  ui_.click("attention.metric");
  ui_.click("attention.metric.1");
  EXPECT_EQ(ui_.view().metric, 1);
  EXPECT_TRUE(exports::testing::contains(ui_.text("attention.map"), "Frobenius norm"));
  ui_.click("attention.step_on");
  EXPECT_EQ(ui_.view().step, 1);
  ui_.settle();
  EXPECT_TRUE(exports::testing::contains(ui_.text("attention.row"), "step 1"));
  ui_.click("attention.step_back");
  EXPECT_EQ(ui_.view().step, 0);
}

TEST_F(AttentionPageTest, TheDifferenceToTheReferenceIsShown) {
  open(true);
  EXPECT_FALSE(exports::testing::contains(ui_.text("attention.map"), "minus"));
  ui_.click("attention.difference");
  ui_.settle();
  EXPECT_TRUE(exports::testing::contains(ui_.text("attention.map"), "minus full"));
  // Runs are alike in these traces.
  ui_.hover("attention.cells");
  EXPECT_TRUE(exports::testing::contains(ui_.text("attention.hovered"), "norm 0"));
}

TEST_F(AttentionPageTest, TokensAreSharedWithOtherPanes) {
  open(true);
  ui_.hover("attention.bars", 0.5f);
  ASSERT_TRUE(ui_.session().hover().token);
  EXPECT_NEAR(*ui_.session().hover().token, 32, 1);  // of 64
  ui_.click("attention.bars", 0.25f);
  EXPECT_NEAR(ui_.view().token, 16, 1);
  // Even rows: the first ten tokens lead.
  EXPECT_TRUE(exports::testing::contains(ui_.text("attention.top.0"), "w0 1.56 %"))
      << ui_.text("attention.top.0");
  ui_.click("attention.top.3");
  EXPECT_EQ(ui_.view().token, 3);
}

TEST_F(AttentionPageTest, WithoutRowsItSaysHowToRecordThem) {
  open(false);
  EXPECT_FALSE(ui_.has("attention.bars"));
  EXPECT_TRUE(ui_.has("attention.cells"));
}

}  // namespace
}  // namespace kvreel::viewer::testing
