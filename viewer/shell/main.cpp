// kvreel-viewer: replay and compare traces.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <new>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/visible_text.h"
#include "viewer/shell/app.h"
#include "viewer/shell/script.h"
#include "viewer/shell/settings.h"

namespace kvreel::viewer {
namespace {

constexpr const char* kFooter = R"(Keys:
  Space play, arrows step (with Shift ten), Home fit, Backspace undo a change of view, / find, F1 all keys
  Ctrl+O open, Ctrl+E export a picture or a figure, Ctrl + and Ctrl - larger and smaller, Ctrl+Q quit

Examples:
  kvreel-viewer trace.h5                                                  a window
  kvreel-viewer before.h5 after.h5                                        two traces side by side
  kvreel-viewer --headless --size 1600x1000 --shot overview.png trace.h5  a picture; needs no display

Exit codes: 0 done, 1 it failed (one sentence says why), 2 the command was written wrongly.)";

struct Options {
  std::vector<std::string> traces;
  bool headless = false;
  std::string size;
  float scale = 0;
  std::string theme;
  std::string script;
  std::string shot;
  std::string dump_items;
  bool log_events = false;
};

void print_line(std::string_view prefix, std::string_view message) {
  fmt::print(stderr, "{}{}\n", prefix, visible_line(message));
  std::fflush(stderr);
}

AppOptions app_options(const Options& options) {
  AppOptions app;
  app.dark = options.theme != "light";
  app.scale = options.scale;
  app.version = KVREEL_VERSION;
  app.report = [](std::string_view message) { print_line("kvreel-viewer: ", message); };
  if (options.log_events) app.log = [](std::string_view line) { print_line("", line); };
  return app;
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) fail("Cannot write {}.", path);
}

int run_headless(const Options& options) {
  const PixelSize size = parse_size(options.size.empty() ? "1600x1000" : options.size);
  Script script;
  if (!options.script.empty()) script = read_script(options.script);
  const auto host = open_offscreen(size.width, size.height, 1);
  AppOptions settings = app_options(options);
  settings.scale = options.scale > 0 ? options.scale : 1;
  settings.fixed_time = true;
  settings.all_items = true;
  App app(*host, std::move(settings));
  for (const std::string& trace : options.traces) app.open(trace);
  run_script(script, app, *host);
  if (!options.shot.empty() || !options.dump_items.empty()) {
    if (!app.settle()) fail("Something is still loading after a minute; the picture is not taken.");
    Picture picture;
    app.frame(&picture);
    if (!options.shot.empty()) write_png(options.shot, picture);
    if (!options.dump_items.empty()) {
      write_text(options.dump_items, items_json(app.items(), host->size()));
    }
  }
  return app.any_failed() ? 1 : 0;
}

// The names of what can be clicked, for a program that drives the window: written when it has come
// to rest and something is elsewhere or says something else.
class ItemsFile {
 public:
  explicit ItemsFile(std::string path) : path_(std::move(path)) {}
  void update(const Items& items, ImVec2 size) {
    if (path_.empty()) return;
    std::string json = items_json(items, size);
    if (json == written_) return;
    write_text(path_ + ".part", json);
    std::filesystem::rename(path_ + ".part", path_);
    written_ = std::move(json);
  }

 private:
  std::string path_;
  std::string written_;
};

int run_window(const Options& options) {
  const std::string path = settings_path();
  std::string problem;
  Settings settings = load_settings(path, problem);
  if (!problem.empty()) print_line("kvreel-viewer: ", problem);
  if (!options.size.empty()) {
    const PixelSize size = parse_size(options.size);
    settings.width = size.width;
    settings.height = size.height;
  }
  const auto host = open_window("kvreel", settings.width, settings.height);
  AppOptions app_settings = app_options(options);
  if (options.theme.empty()) app_settings.dark = settings.dark;
  app_settings.scale = options.scale;
  app_settings.user_scale = settings.scale;
  app_settings.recent = settings.recent;
  app_settings.all_items = !options.dump_items.empty();
  App app(*host, std::move(app_settings));
  View view;
  view.replay_panes = settings.replay_panes;
  view.text_strike = settings.text_strike;
  app.session().begin_with(view);
  for (const std::string& trace : options.traces) app.open(trace);
  ItemsFile items(options.dump_items);
  app.run([&] { items.update(app.items(), host->size()); });

  settings.width = static_cast<int>(host->size().x);
  settings.height = static_cast<int>(host->size().y);
  settings.dark = app.dark();
  settings.scale = app.user_scale();
  settings.recent = app.recent();
  settings.replay_panes = app.session().view().replay_panes;
  settings.text_strike = app.session().view().text_strike;
  try {
    if (!path.empty()) save_settings(path, settings);
  } catch (const Error& error) {
    print_line("kvreel-viewer: ", error.what());
  }
  return 0;
}

// Graphics drivers keep compiled shaders in the user's cache folder; the viewer's few take no time
// to compile, and it writes nowhere but where it is told to. What the user has set stays.
void keep_drivers_from_writing() {
  setenv("MESA_SHADER_CACHE_DISABLE", "true", 0);
  setenv("__GL_SHADER_DISK_CACHE", "0", 0);
}

int run(int argc, char** argv) {
  keep_drivers_from_writing();
  CLI::App program(
      "kvreel-viewer shows what a policy did to the KV cache: which tokens each layer let go and "
      "when, what another policy or threshold would have done, and what it cost.",
      "kvreel-viewer");
  Options options;
  program.set_version_flag("--version", "kvreel-viewer " KVREEL_VERSION);
  program.footer(kFooter);
  program.add_option("traces", options.traces, "Traces to open")->type_name("TRACE");
  program.add_option("--theme", options.theme, "dark or light (default: as last time, else dark)")
      ->check(CLI::IsMember({"dark", "light"}))
      ->type_name("");
  program
      .add_option("--scale", options.scale,
                  "Size of everything, 1 at 96 dpi (default: the desktop's)")
      ->check(CLI::Range(0.5, 4.0))
      ->type_name("FACTOR");
  program
      .add_option("--size", options.size, "Size in pixels (default: as last time, else 1600x1000)")
      ->type_name("WxH");
  program.add_flag("--headless", options.headless,
                   "Draw off screen, without a display; settings are neither read nor written");
  program
      .add_option("--script", options.script,
                  "Off screen: steps to run (click, drag, key, wait, shot, expect ...; see "
                  "viewer/shell/script.h)")
      ->type_name("FILE");
  program.add_option("--shot", options.shot, "Off screen: write a PNG of the window at the end")
      ->type_name("FILE");
  program
      .add_option("--dump-items", options.dump_items,
                  "Write names, rectangles and texts of everything drawn, as JSON")
      ->type_name("FILE");
  program.add_flag("--log-events", options.log_events, "Print one line per action to stderr");
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked_for_text = error.get_exit_code() == 0;
    std::ostringstream out;
    program.exit(error, out, out);
    // It holds the command's words, which a shell may have taken from a directory's names.
    fmt::print(asked_for_text ? stdout : stderr, "{}", visible_lines(out.str()));
    return asked_for_text ? 0 : 2;
  }
  if (options.headless) return run_headless(options);
  if (!options.script.empty() || !options.shot.empty()) {
    fail_usage("--script and --shot work off screen: add --headless.");
  }
  return run_window(options);
}

}  // namespace
}  // namespace kvreel::viewer

int main(int argc, char** argv) {
  try {
    return kvreel::viewer::run(argc, argv);
  } catch (const kvreel::UsageError& error) {
    kvreel::viewer::print_line("kvreel-viewer: ", error.what());
    return 2;
  } catch (const std::bad_alloc&) {
    kvreel::viewer::print_line("kvreel-viewer: ",
                               "Out of memory while the window was made ready or drawn; open fewer "
                               "or smaller traces.");
    return 1;
  } catch (const std::exception& error) {
    kvreel::viewer::print_line("kvreel-viewer: ", error.what());
    return 1;
  }
}
