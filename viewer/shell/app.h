// The viewer without its window: library, session, content, theme and fonts, brought together once
// a frame.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "viewer/panels/window.h"
#include "viewer/shell/fonts.h"
#include "viewer/shell/host.h"

namespace kvreel::viewer {

struct AppOptions {
  bool dark = true;
  float scale = 0;          // of everything; 0: the host's content scale times user_scale
  float user_scale = 1;     // what the user chose with Ctrl + and Ctrl -
  bool fixed_time = false;  // every frame is kOffscreenFrameSeconds later, whatever the clock says
  bool all_items = false;   // of every widget, for scripts; else of panes alone
  std::vector<std::string> recent;               // files, newest first
  std::string version;                           // of the program, into figures' metadata
  std::function<void(std::string_view)> log;     // one line per action
  std::function<void(std::string_view)> report;  // failures, as sentences
};

class App {
 public:
  // The host must outlive it. Throws Error.
  App(Host& host, AppOptions options);
  ~App();

  // A file that cannot be opened is said in the window and to `report`.
  void open(const std::string& path);
  // Draws one frame; with `copy`, a picture of it is put there.
  void frame(Picture* copy = nullptr);
  // Draws until the window closes: on demand, so that nothing is done where nothing changes.
  // `at_rest` is called whenever the window has come to rest.
  void run(const std::function<void()>& at_rest = {});
  // Draws until everything that was asked for is there, and a few frames more. False after
  // `timeout_s`.
  bool settle(double timeout_s = 60);

  // Any trace that could not be opened.
  bool any_failed() const { return any_failed_; }
  void set_dark(bool dark);
  bool dark() const { return theme_.palette.dark; }
  float user_scale() const { return options_.user_scale; }
  const std::vector<std::string>& recent() const { return options_.recent; }

  Library& library() { return *library_; }
  Session& session() { return *session_; }
  const Items& items() const { return items_; }
  Rect page_rect() const { return window_->page_rect(); }

 private:
  void log(std::string_view line) const;
  void collect_text();
  void apply_theme();
  void carry_out(const Wishes& wishes);
  void watch_traces();
  void set_user_scale(float scale);
  void begin_export(const std::string& path, const Rect& rect);
  void finish_export(const Picture& picture);
  float scale() const;
  double now() const;

  Host& host_;
  AppOptions options_;
  std::unique_ptr<Library> library_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Window> window_;
  FontAtlas atlas_;
  CodePoints used_;
  Theme theme_;
  Items items_;
  bool fonts_stale_ = true;
  float content_scale_ = 1;
  int64_t frame_ = 0;
  std::chrono::steady_clock::time_point started_;
  bool quit_ = false;
  bool any_failed_ = false;
  std::string title_;
  std::set<TraceId> told_;  // traces whose opening or failure was said
  // Texts whose characters are in used_.
  std::vector<std::weak_ptr<const void>> scanned_;
  std::string export_path_;  // under way
  Rect export_rect_;
  int export_in_ = 0;  // frames without the pointer that are still to be drawn
};

}  // namespace kvreel::viewer
