// Scripts: what is no command is said with its line; steps do what a person's would.
#include "viewer/shell/script.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "viewer/big_trace.h"
#include "viewer/shell/scene.h"

namespace kvreel::viewer {
namespace {

using testing::TempDir;

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string parse_error(const std::string& text) {
  return error_of([&] { parse_script(text, "steps.txt"); });
}

TEST(Script, IsReadLineByLine) {
  const Script script = parse_script(
      "# a comment\n\n  click replay.play\nclick \"map.all layers\" 0.25 1 \r\n"
      "expect status layer 3, token  4\ntype  two words\nshot a.png \"the map\"\nopen /tmp/a b.h5",
      "steps.txt");
  ASSERT_EQ(script.steps.size(), 6u);
  const auto is = [&](size_t i, int line, const std::string& command,
                      const std::vector<std::string>& arguments) {
    EXPECT_EQ(script.steps[i].line, line);
    EXPECT_EQ(script.steps[i].command, command);
    EXPECT_EQ(script.steps[i].arguments, arguments);
  };
  is(0, 3, "click", {"replay.play"});
  is(1, 4, "click", {"map.all layers", "0.25", "1"});
  is(2, 5, "expect", {"status", "layer 3, token  4"});
  is(3, 6, "type", {"two words"});
  is(4, 7, "shot", {"a.png", "the map"});
  is(5, 8, "open", {"/tmp/a b.h5"});
}

TEST(Script, ThatIsWrongNamesTheLine) {
  EXPECT_EQ(parse_error("wait\nclik replay.play"),
            "steps.txt, line 2: there is no command 'clik'. Did you mean 'click'?");
  EXPECT_EQ(parse_error("click"), "steps.txt, line 1: 'click' takes 1 to 3 arguments, not 0.");
  EXPECT_EQ(parse_error("\nclick a 0.5"), "steps.txt, line 2: a place is two numbers: FX FY.");
  EXPECT_EQ(parse_error("drag a 0 0 1 x"), "steps.txt, line 1: 'x' is no number.");
  EXPECT_EQ(parse_error("key alt+q"), "steps.txt, line 1: there is no key 'alt+q'.");
  EXPECT_EQ(parse_error("theme pink"), "steps.txt, line 1: a theme is dark or light.");
  EXPECT_EQ(parse_error("figure layer-budge"),
            "steps.txt, line 1: there is no figure 'layer-budge'. Did you mean 'layer-budget'?");
  EXPECT_EQ(parse_error("frames 0"),
            "steps.txt, line 1: 'frames' takes a number from 1 to 100000.");
  EXPECT_EQ(parse_error("click \"open"), "steps.txt, line 1: a quote is not closed.");
  EXPECT_NE(parse_error("size 10x10").find("steps.txt, line 1: A size is written as"),
            std::string::npos);
  EXPECT_EQ(error_of([] { read_script("/none/steps.txt"); }),
            "Cannot read the script '/none/steps.txt': No such file or directory.");
}

// The whole program, but for main(): the window says that nothing is open.
class ScriptRun : public ::testing::Test {
 protected:
  std::string run(OffscreenHost& host, const std::string& steps) {
    log.clear();
    AppOptions options;
    options.scale = 1;
    options.fixed_time = options.all_items = true;
    options.log = [this](std::string_view line) { log.emplace_back(line); };
    options.report = [this](std::string_view line) { reports.emplace_back(line); };
    App app(host, std::move(options));
    const std::string error = error_of([&] { run_script(parse_script(steps, "s"), app, host); });
    items = items_json(app.items(), host.size());
    return error;
  }
  TempDir dir;
  std::vector<std::string> log;
  std::vector<std::string> reports;
  std::string items;
};

TEST_F(ScriptRun, ClicksWhatHasTheName) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 1200, 800);
  EXPECT_EQ(run(*host,
                "expect page.Replay off\nclick page.Replay\nexpect page.Replay on\n"
                "key 1\nexpect page.Overview on\ntheme light\nkey t\nabsent replay.play"),
            "no error");
  EXPECT_EQ(log, (std::vector<std::string>{"click page.Replay", "theme light", "theme dark"}));
}

TEST_F(ScriptRun, StopsAtAnUnknownItem) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 1200, 800);
  EXPECT_EQ(run(*host, "frames 2\nclick page.Repla"),
            "s, line 2: there is no item 'page.Repla'. Did you mean 'page.Replay'?");
  EXPECT_EQ(run(*host, "hover completely-else"),
            "s, line 1: there is no item 'completely-else'. --dump-items lists those that there "
            "are.");
  EXPECT_EQ(run(*host, "absent page.Replay"), "s, line 1: there is an item 'page.Replay'.");
}

TEST_F(ScriptRun, StopsAtAnExpectationThatDoesNotHold) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 1200, 800);
  EXPECT_EQ(run(*host, "expect page.Replay on"), "s, line 1: 'page.Replay' says 'off', not 'on'.");
}

TEST_F(ScriptRun, StopsOutsideTheWindow) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 1200, 800);
  EXPECT_NE(run(*host, "hover status 0.5 40").find("outside the window of 1200 x 800 pixels"),
            std::string::npos);
}

TEST_F(ScriptRun, TakesPicturesOfTheWindowAndOfItems) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 1200, 800);
  EXPECT_EQ(run(*host, "shot " + dir.file("all.png") + "\nshot " + dir.file("item.png") +
                           " window.open\nsize 800x600\nshot " + dir.file("small.png")),
            "no error");
  EXPECT_EQ(read_png(dir.file("all.png")).width, 1200);
  EXPECT_EQ(read_png(dir.file("small.png")).height, 600);
  const Picture item = read_png(dir.file("item.png"));
  const auto json = nlohmann::json::parse(items);
  const auto rect = json["items"]["window.open"]["rect"];
  EXPECT_NEAR(item.width, rect[2].get<double>(), 1);
  EXPECT_NEAR(item.height, rect[3].get<double>(), 1);
  EXPECT_EQ(json["size"], (std::vector<int>{800, 600}));
}

TEST_F(ScriptRun, GoesToAFigure) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 1200, 800);
  testing::write_big_trace(dir.file("a.h5"), {.samples = 3, .spans = 200});
  EXPECT_EQ(run(*host, "open " + dir.file("a.h5") +
                           "\nwait\nfigure layer-budget\nwait\nexpect page.Figures on\n"
                           "expect figures.canvas layer-budget\nshot " +
                           dir.file("a.png") + " figures.sheet"),
            "no error");
  EXPECT_GT(read_png(dir.file("a.png")).width, 400);
}

TEST_F(ScriptRun, SaysWhyAFileCannotBeOpened) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 1200, 800);
  std::ofstream(dir.file("bad.h5")) << "no trace";
  EXPECT_EQ(run(*host, "open " + dir.file("bad.h5") + "\nwait"), "no error");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_NE(reports[0].find("bad.h5"), std::string::npos) << reports[0];
  EXPECT_EQ(log, (std::vector<std::string>{"open " + dir.file("bad.h5"),
                                           "failed " + dir.file("bad.h5")}));
}

TEST_F(ScriptRun, DrawsTheSamePicturesEveryTime) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 800, 600);
  const auto steps = [&](const std::string& file) {
    return "click page.Compare\nkey f1\nframes 20\nshot " + dir.file(file);
  };
  EXPECT_EQ(run(*host, steps("a.png")), "no error");
  EXPECT_EQ(run(*host, steps("b.png")), "no error");
  EXPECT_EQ(read_png(dir.file("a.png")).rgba, read_png(dir.file("b.png")).rgba);
}

}  // namespace
}  // namespace kvreel::viewer
