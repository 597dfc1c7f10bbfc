// The replay page without pixels: what its named items do to the session, and what they say.
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "exports/tables/small_trace.h"
#include "viewer/big_trace.h"
#include "viewer/model/replay_data.h"
#include "viewer/null_ui.h"

namespace kvreel::viewer::testing {
namespace {

using exports::testing::TraceMaker;

// 16 tokens, 2 layers, 2 KV heads, pages of nothing known. Layer 0 is exempt; layer 1 evicts 6 of
// 12 candidates at the recorded 1 %, and 9 at 30 %.
void write_replay_trace(const std::string& path) {
  TraceMaker maker(path);
  maker.add_names();
  maker.add_run("full", "full", "{}");
  maker.add_run("refreekv", "refreekv", R"({"threshold": 0.01, "base": "candidates"})");
  maker.add_sample("a",
                   {"The", " cap", "ital", " of", " France", " is", " Paris", ".", "\n", "What",
                    " is", " the", " cap", "ital", " city", "?"},
                   "{}", R"(["Paris"])", 16);
  maker.add_pass({0, 0, 0, 1, 1.0, 100, 4000, 4096, 4096, 4000, {10, 2}, {10}, {1000}},
                 {{0, 0, 16, {0, 16}}, {1, 0, 16, {0, 16}}});
  const std::vector<int32_t> ranking = {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const std::vector<float> curve = {0,    .001f, .002f, .004f, .006f, .008f,
                                    .01f, .1f,   .2f,   .25f,  .5f,   .8f};
  maker.add_pass({1, 0, 0, 1, 0.8, 100, 3000, 4096, 4096, 4000, {10, 2}, {10}, {900}},
                 {{0, 1, 16, {0, 16}, ranking, 0, 4, curve},
                  {1, 3, 16, {0, 4, 10, 16}, ranking, 6, 10, curve}});
  maker.finish();
}

class ReplayPage : public exports::testing::ExportTest {
 protected:
  void SetUp() override {
    ExportTest::SetUp();
    write_replay_trace(path());
    ui_.show(*page_);
    ui_.view().page = Page::replay;
    ui_.open(path());
    ui_.view().layer = 1;
    ui_.frames(3);
  }
  View& view() { return ui_.view(); }
  // "kept 1" of "token.5".
  std::string token(int i) { return ui_.text("token." + std::to_string(i)); }

  NullUi ui_;
  std::unique_ptr<PagePanel> page_ = make_replay_page();
};

TEST_F(ReplayPage, OpensAtTheEndWithWhatWasRecorded) {
  EXPECT_EQ(ui_.text("replay.position"), "6/6");
  EXPECT_EQ(token(3), "sink 1");
  EXPECT_EQ(token(4), "evicted 0");
  EXPECT_EQ(token(9), "evicted 0");
  EXPECT_EQ(token(10), "kept 1");
  EXPECT_EQ(ui_.text("fact.reason"), "threshold");
  EXPECT_EQ(ui_.text("fact.cut"), "6 evicted");
  EXPECT_EQ(ui_.text("fact.threshold"), "1 %");
  EXPECT_EQ(ui_.text("fact.halt"), "' is' \u00b7 token 10");
  EXPECT_EQ(ui_.text("fact.halt_share"), "9.00 % of norm");
  EXPECT_EQ(ui_.text("replay.verdict"), "right");
}

TEST_F(ReplayPage, ScrubbingSteppingAndPlayingMoveTheTokensOut) {
  ui_.drag("replay.scrubber", 0.9f, 0.5f, 0.0f, 0.5f);
  EXPECT_EQ(view().replay, 0);
  EXPECT_EQ(token(4), "kept 1");
  ui_.press({KeyPress::kRight});
  EXPECT_EQ(view().replay, 1);
  EXPECT_EQ(token(4), "evicted 0");
  EXPECT_EQ(token(5), "kept 1");
  ui_.press({KeyPress::kRight, true});
  EXPECT_EQ(ui_.text("replay.position"), "6/6");
  ui_.press({KeyPress::kLeft});
  EXPECT_EQ(ui_.text("replay.position"), "5/6");
  ui_.press({KeyPress::kHome});
  EXPECT_EQ(ui_.text("replay.position"), "0/6");
  ui_.click("replay.play");
  EXPECT_TRUE(ui_.session().playing());
  ui_.frames(200);
  EXPECT_GT(view().replay, 1);
  ui_.press({KeyPress::kSpace});
  EXPECT_FALSE(ui_.session().playing());
  ui_.press({KeyPress::kEnd});
  EXPECT_EQ(ui_.text("replay.position"), "6/6");
  ui_.click("replay.start");
  EXPECT_EQ(view().replay, 0);
}

TEST_F(ReplayPage, TheThresholdMovesCutsBudgetsAndTokensAtOnce) {
  EXPECT_FALSE(ui_.has("replay.output.note"));
  // The slider goes from 0.01 % to 100 %: three quarters and a bit are 30 %.
  ui_.drag("replay.threshold", 0.5f, 0.5f, 0.87f, 0.5f);
  ASSERT_TRUE(view().threshold);
  EXPECT_NEAR(*view().threshold, 0.3, 0.02);
  EXPECT_EQ(ui_.text("fact.cut"), "9 evicted");
  EXPECT_EQ(token(12), "evicted 0");
  EXPECT_EQ(token(13), "kept 1");
  EXPECT_EQ(ui_.text("replay.position"), "9/9");
  EXPECT_EQ(ui_.text("replay.output.note"), "text generated at the recorded threshold 1 %");
  EXPECT_TRUE(
      exports::testing::contains(ui_.text("replay.what_if.budget"), "budget 81.2 % \u2192 71.9 %"))
      << ui_.text("replay.what_if.budget");
  view().layer = 0;  // exempt
  ui_.frames(2);
  EXPECT_EQ(ui_.text("fact.cut"), "0 evicted");
  EXPECT_EQ(token(5), "kept 1");
  ui_.click("replay.threshold.reset");
  EXPECT_FALSE(view().threshold);
  view().layer = 1;
  ui_.frames(2);
  EXPECT_EQ(ui_.text("fact.cut"), "6 evicted");
}

TEST_F(ReplayPage, TokensThatAreGoneCanBeStruckThrough) {
  EXPECT_EQ(token(4), "evicted 0");
  const int plain = ui_.vertices();
  ui_.click("replay.text.strike");
  EXPECT_EQ(token(4), "evicted 0 struck");
  EXPECT_EQ(token(10), "kept 1");
  ui_.hover("replay.threshold.reset", 0.5f, -20);  // nothing is under the pointer
  EXPECT_EQ(ui_.vertices(), plain + 6 * 4) << "six lines more";
  ui_.click("replay.text.all");
  EXPECT_EQ(token(4), "kept 0.5") << "one layer still has it";
  ui_.session().undo();
  ui_.session().undo();
  ui_.frames(2);
  EXPECT_EQ(token(4), "evicted 0");
}

TEST_F(ReplayPage, AThresholdCanBeTyped) {
  ui_.click("replay.threshold.value");
  ui_.type("30");
  ui_.field_key(ImGuiKey_Enter);
  ASSERT_TRUE(view().threshold);
  EXPECT_DOUBLE_EQ(*view().threshold, 0.3);
}

TEST_F(ReplayPage, ARunWithoutCurvesSaysWhyNothingCanBeMoved) {
  ui_.session().select_run({view().run.trace, 0});
  ui_.settle();
  EXPECT_FALSE(ui_.has("replay.threshold"));
  EXPECT_NE(ui_.text("replay.what_if"), "");
  EXPECT_EQ(ui_.text("replay.position"), "0/0");
  EXPECT_EQ(token(4), "kept 1");
}

TEST_F(ReplayPage, ClicksSelectTokensAndLayers) {
  ui_.click("token.6");
  EXPECT_EQ(view().token, 6);
  EXPECT_EQ(view().layer, 1);
  // The map: 16 columns, 2 rows.
  ui_.click("replay.map.plot", 2.5f / 16, 0.25f);
  EXPECT_EQ(view().token, 2);
  EXPECT_EQ(view().layer, 0);
  ui_.click("replay.layer.1");
  EXPECT_EQ(view().layer, 1);
  ui_.hover("token.9");
  EXPECT_EQ(ui_.session().hover().token, 9);
  ui_.click("replay.curves.plot", 3.f / 12, 0.05f);
  EXPECT_EQ(view().token, 7);
}

TEST_F(ReplayPage, TheMapZoomsAroundThePointerAndHomeFits) {
  ui_.wheel("replay.map.plot", 2, 0.f, 0.5f);
  EXPECT_NEAR(view().token_begin, 0, 0.2);
  EXPECT_NEAR(view().token_end, 16 / 1.5625, 0.5);
  ui_.drag("replay.map.plot", 0.5f, 0.5f, 0.25f, 0.5f, 1);
  EXPECT_GT(view().token_begin, 1.5);
  ui_.hover("replay.map.plot");
  ui_.press({KeyPress::kHome});
  EXPECT_EQ(view().token_end, 0);
}

TEST_F(ReplayPage, TheMapGlidesToItsZoomAndThenNothingMoves) {
  ui_.motion = true;
  const auto caption = [&] { return ui_.text("replay.map"); };
  const std::string whole = caption();
  ui_.hover("replay.map.plot", 0, 0.5f);
  ImGui::GetIO().MouseWheel = 2;
  ui_.frame();
  EXPECT_TRUE(ui_.animating());
  EXPECT_NEAR(view().token_end, 16 / 1.5625, 0.5);
  EXPECT_EQ(caption(), whole);
  ui_.frames(12);
  EXPECT_FALSE(ui_.animating());
  EXPECT_TRUE(exports::testing::contains(caption(), "tokens 0\u201310 of 16")) << caption();
  // Without motion it is there in the next frame.
  ui_.motion = false;
  ui_.press({KeyPress::kHome});
  EXPECT_EQ(caption(), whole);
  EXPECT_FALSE(ui_.animating());
}

TEST_F(ReplayPage, TheMapIsUploadedOnlyWhereItChanges) {
  const auto& made = ui_.textures().all.at("replay.map");
  EXPECT_EQ(made.width, 16);
  EXPECT_EQ(made.height, 2);
  const int uploads = made.uploads;
  ui_.frames(10);
  ui_.hover("replay.map.plot");
  EXPECT_EQ(made.uploads, uploads);
  const uint32_t kept = made.pixels[16 + 4];
  ui_.press({KeyPress::kHome, false});  // the pointer is over the map: it fits already
  ui_.hover("token.1");
  ui_.press({KeyPress::kHome});
  EXPECT_GT(made.uploads, uploads);
  EXPECT_NE(made.pixels[16 + 4], kept);
  EXPECT_EQ(made.pixels[16 + 4], made.pixels[16 + 0]);
}

TEST_F(ReplayPage, GapsBetweenPanesAreDraggedTakenBackAndRestored) {
  const std::vector<std::string> names = {"replay.facts", "replay.map", "replay.curves",
                                          "replay.text"};
  const auto places = [&] {
    std::vector<std::array<float, 4>> all;
    for (const std::string& name : names) {
      const Rect r = ui_.rect(name);
      all.push_back({r.x, r.y, r.w, r.h});
    }
    return all;
  };
  const auto usual = places();
  const float map = ui_.rect("replay.map").w;
  ui_.drag("replay.split.curves", 0.25f, 0.5f, -12.25f, 0.5f);  // 100 px to the left
  EXPECT_NEAR(ui_.rect("replay.map").w, map - 100, 1);
  EXPECT_NEAR(ui_.rect("replay.curves").x, usual[2][0] - 100, 1);
  EXPECT_TRUE(view().replay_panes.map);
  const float text = ui_.rect("replay.text").h;
  ui_.drag("replay.split.text", 0.5f, 0.5f, 0.5f, 5.5f);  // 40 px down
  EXPECT_NEAR(ui_.rect("replay.text").h, text - 40, 1);
  const auto dragged = places();
  ui_.session().undo();
  ui_.frames(2);
  EXPECT_FALSE(view().replay_panes.plots);
  EXPECT_TRUE(view().replay_panes.map);
  ui_.session().undo();
  ui_.frames(2);
  EXPECT_EQ(places(), usual);
  ui_.session().redo();
  ui_.session().redo();
  ui_.frames(2);
  EXPECT_EQ(places(), dragged);
  ui_.double_click("replay.split.curves");
  ui_.double_click("replay.split.text");
  EXPECT_EQ(places(), usual);
  EXPECT_EQ(view().replay_panes, PaneShares());
}

TEST_F(ReplayPage, NoPaneIsDraggedAway) {
  for (const float width : {1600.f, 900.f, 500.f}) {
    for (const float far : {-200.f, 200.f}) {
      ImGui::GetIO().DisplaySize = {width, width * 0.6f};
      ui_.frames(2);
      ui_.drag("replay.split.facts", 0.5f, 0.5f, far, 0.5f);
      ui_.drag("replay.split.curves", 0.5f, 0.5f, far, 0.5f);
      ui_.drag("replay.split.text", 0.5f, 0.5f, 0.5f, far);
      for (const char* name : {"replay.facts", "replay.map", "replay.curves", "replay.text"}) {
        const Rect r = ui_.rect(name);
        EXPECT_GE(r.w, std::min(180.f, width * 0.15f)) << name << " " << width << " " << far;
        EXPECT_GE(r.h, std::min(100.f, width * 0.1f)) << name << " " << width << " " << far;
        EXPECT_GE(r.x, 0) << name;
        EXPECT_LE(r.right(), width) << name;
      }
      if (ui_.has("replay.halt")) {
        EXPECT_LE(ui_.rect("replay.halt").right(), ui_.rect("replay.curves").right());
      }
    }
  }
}

TEST_F(ReplayPage, TheDifferenceToTheReferenceIsShown) {
  ui_.click("replay.difference");
  ui_.settle();
  const auto& made = ui_.textures().all.at("replay.map");
  const uint32_t same = made.pixels[0];
  EXPECT_EQ(made.pixels[4], same);       // layer 0 keeps everything in both
  EXPECT_NE(made.pixels[16 + 4], same);  // evicted by the run alone
  EXPECT_EQ(made.pixels[16 + 15], same);
  EXPECT_TRUE(exports::testing::contains(ui_.text("replay.map"), "full minus refreekv"));
}

TEST_F(ReplayPage, WordsThatAreSplitOverTokensAreFound) {
  ui_.press({KeyPress::kSlash});
  ui_.frames(2);
  ui_.type("capital");
  EXPECT_EQ(ui_.text("replay.find.count"), "1 of 2");
  EXPECT_EQ(view().token, 1);
  ui_.field_key(ImGuiKey_Enter);
  ui_.frames(2);
  EXPECT_EQ(ui_.text("replay.find.count"), "2 of 2");
  EXPECT_EQ(view().token, 12);
}

TEST_F(ReplayPage, TheSameStateDrawsTheSameFrame) {
  ui_.frame();
  const uint64_t first = ui_.draw_hash();
  ui_.frame();
  EXPECT_EQ(ui_.draw_hash(), first);
  ui_.press({KeyPress::kLeft});
  EXPECT_NE(ui_.draw_hash(), first);
}

TEST_F(ReplayPage, EverySizeThemeAndToggleDraws) {
  for (const ImVec2 size :
       {ImVec2{1000, 560}, ImVec2{3840, 2100}, ImVec2{500, 300}, ImVec2{60, 40}}) {
    ImGui::GetIO().DisplaySize = size;
    ui_.frames(3);
    EXPECT_GT(ui_.vertices(), 0);
  }
  ImGui::GetIO().DisplaySize = {1600, 900};
  ui_.frames(2);
  for (const char* item :
       {"replay.text.all", "replay.curves.all", "replay.curves.log", "replay.aggregation.max",
        "replay.aggregation.min", "replay.one_layer", "replay.loop"}) {
    ui_.click(item);
  }
  EXPECT_TRUE(view().text_all_layers);
  EXPECT_EQ(token(5), "kept 0.5");  // layer 0 keeps it, layer 1 does not
  EXPECT_TRUE(view().replay_loop);
}

// The aim is 1 ms for a frame of a prompt of 131072 tokens, replay and map apart; the limit is
// wide, for slow and busy machines and builds without optimisation.
TEST_F(ReplayPage, ALongPromptCostsLittleAFrame) {
  const std::string long_path = path("long.h5");
  BigTraceWriter(long_path, {.runs = 2, .samples = 1, .spans = 100, .tokens = 131072, .layers = 8})
      .write();
  const TraceId trace = ui_.open(long_path);
  ui_.session().select_run({trace, 1});
  ui_.settle();
  ASSERT_EQ(view().run.trace, trace);
  ASSERT_TRUE(ui_.has("replay.map.plot"));
  using Clock = std::chrono::steady_clock;
  const auto best_ms = [&](const std::function<void()>& before) {
    double best = 1e9;
    for (int round = 0; round < 12; ++round) {
      before();
      const auto start = Clock::now();
      ui_.frame();
      best =
          std::min(best, std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    return best;
  };
  const double still = best_ms([] {});
  int64_t k = 0;
  const double playing = best_ms([&] { view().replay = k += 500; });
  double threshold = 0.001;
  const double dragging = best_ms([&] { view().threshold = threshold *= 1.3; });
  double begin = 0;
  const double panning = best_ms([&] {
    view().token_begin = begin += 100;
    view().token_end = begin + 60000;
  });
  view().text_all_layers = view().curves_all_layers = true;
  const double all_layers = best_ms([] {});
  std::printf("still %.2f ms, playing %.2f, threshold %.2f, panning %.2f, all layers %.2f\n", still,
              playing, dragging, panning, all_layers);
  for (const double ms : {still, playing, dragging, panning, all_layers}) EXPECT_LT(ms, 60);
  EXPECT_LT(ui_.vertices(), 200'000) << "only what is visible is drawn";
}

// Recorded cuts of a whole trace are what the recorded thresholds give.
TEST(ReplayTrace, RecordedThresholdsGiveTheRecordedCuts) {
  const char* path = std::getenv("KVREEL_DEMO_TRACE");
  if (path == nullptr || !std::filesystem::exists(path)) {
    GTEST_SKIP() << "KVREEL_DEMO_TRACE names no trace to check";
  }
  Library library([] {});
  const TraceId trace = library.open(path);
  ASSERT_TRUE(library.wait_idle(60'000));
  library.poll();
  const auto overview = library.overview(trace);
  ASSERT_TRUE(overview);
  int checked = 0;
  for (const PassInfo& info : overview->passes) {
    const PassKey key{trace, info.run, info.sample};
    library.pass(key);
    ASSERT_TRUE(library.wait_idle(60'000));
    library.poll();
    const auto pass = library.pass(key);
    ASSERT_TRUE(pass) << pass.error;
    const CurveBase base = curve_base(overview->runs[static_cast<size_t>(info.run)]);
    for (const Decision& decision : pass->decisions) {
      if (!follows_threshold(decision, base)) continue;
      ASSERT_EQ(cut_of(decision, {decision.threshold, base}), decision.cut);
      ++checked;
    }
    const Budget budget = budget_at(*pass.value, cache_shape(*overview.value), {});
    EXPECT_NEAR(budget.mean, info.budget, 1e-9);
    EXPECT_EQ(budget.asked.value_or(0), info.prefill_asked);
    EXPECT_EQ(budget.held.value_or(0), info.prefill_held);
  }
  EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace kvreel::viewer::testing
