// The viewer without its window.
#include "viewer/shell/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/visible_text.h"
#include "viewer/shell/keys.h"

namespace kvreel::viewer {
namespace {

constexpr float kSmallestScale = 0.5f;
constexpr float kLargestScale = 4;
constexpr size_t kRecentFiles = 10;

// Frames after any change: ImGui needs up to two until hovering and layout have followed.
constexpr int kFramesAfterChange = 3;

}  // namespace

App::App(Host& host, AppOptions options)
    : host_(host), options_(std::move(options)), started_(std::chrono::steady_clock::now()) {
  library_ = std::make_unique<Library>([&host] { host.wake(); });
  session_ = std::make_unique<Session>(*library_);
  window_ = std::make_unique<Window>();
  window_->set_recent(options_.recent);
  window_->set_version(options_.version);
  items_.panes_only = !options_.all_items;
  theme_.palette = options_.dark ? dark_palette() : light_palette();
  apply_theme();
}

App::~App() {
  set_glyph_table(nullptr);
}

void App::log(std::string_view line) const {
  if (options_.log) options_.log(line);
}

double App::now() const {
  if (options_.fixed_time) return static_cast<double>(frame_) * kOffscreenFrameSeconds;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

float App::scale() const {
  const float wanted = options_.scale > 0 ? options_.scale : content_scale_ * options_.user_scale;
  return std::clamp(wanted, kSmallestScale, kLargestScale);
}

void App::apply_theme() {
  content_scale_ = host_.content_scale();
  theme_.scale = scale();
  apply_style(theme_);
  theme_.fonts = atlas_.build(used_, theme_.scale);
  host_.fonts_changed();
  fonts_stale_ = false;
}

void App::set_dark(bool dark) {
  theme_.palette = dark ? dark_palette() : light_palette();
  apply_style(theme_);
  log(dark ? "theme dark" : "theme light");
}

void App::set_user_scale(float scale) {
  // With a scale of the command line, that one is changed.
  float& chosen = options_.scale > 0 ? options_.scale : options_.user_scale;
  chosen = std::clamp(scale, kSmallestScale, kLargestScale);
  fonts_stale_ = true;
  log(fmt::format("scale {:.3g}", this->scale()));
}

void App::open(const std::string& path) {
  log("open " + path);
  library_->open(path);
}

// The characters of every text that is loaded for the position. What is asked for here is what the
// panes show.
void App::collect_text() {
  const auto scan = [&](const std::shared_ptr<const void>& owner, const auto& add) {
    for (const auto& known : scanned_) {
      if (!known.owner_before(owner) && !owner.owner_before(known)) return;
    }
    scanned_.push_back(owner);
    if (add()) fonts_stale_ = true;
  };
  std::erase_if(scanned_, [](const auto& known) { return known.expired(); });
  const auto bytes = [](const tracer::Text& text) {
    return std::string_view(reinterpret_cast<const char*>(text.values.data()), text.values.size());
  };
  for (const TraceId trace : library_->traces()) {
    const auto overview = library_->overview(trace);
    if (!overview) continue;
    scan(overview.value, [&] {
      bool news = used_.add(overview->path) | used_.add(overview->facts);
      for (const SampleInfo& sample : overview->samples) {
        news |= used_.add(sample.id);
        for (const std::string& answer : sample.answers) news |= used_.add(answer);
        for (const auto& [key, value] : sample.metadata) news |= used_.add(key) | used_.add(value);
      }
      for (const RunInfo& run : overview->runs) news |= used_.add(run.name);
      for (const std::string& name : overview->names) news |= used_.add(name);
      return news;
    });
  }
  if (!session_->overview()) return;
  if (const auto prompt = session_->prompt()) {
    scan(prompt.value, [&] { return used_.add(bytes(prompt->pieces)); });
  }
  std::vector<RunRef> runs = session_->shown_runs();
  runs.push_back(session_->view().run);
  for (const RunRef run : runs) {
    const auto pass = session_->pass(run);
    if (!pass) continue;
    scan(pass.value, [&] {
      const bool pieces = used_.add(bytes(pass->pieces));
      return used_.add(pass->text) || pieces;
    });
  }
}

// Says once of every trace that it is there, or why not.
void App::watch_traces() {
  std::string title;
  for (const TraceId trace : library_->traces()) {
    const auto overview = library_->overview(trace);
    if (title.empty()) title = std::filesystem::path(library_->path(trace)).filename().string();
    if (overview.state == LoadState::loading || !told_.insert(trace).second) continue;
    if (overview.state == LoadState::failed) {
      any_failed_ = true;
      log("failed " + library_->path(trace));
      if (options_.report) options_.report(overview.error);
      continue;
    }
    log("loaded " + library_->path(trace));
    std::error_code error;
    const auto full = std::filesystem::absolute(library_->path(trace), error);
    if (error) continue;
    std::erase(options_.recent, full.string());
    options_.recent.insert(options_.recent.begin(), full.string());
    if (options_.recent.size() > kRecentFiles) options_.recent.resize(kRecentFiles);
    window_->set_recent(options_.recent);
  }
  const size_t more = library_->traces().empty() ? 0 : library_->traces().size() - 1;
  if (more > 0) title += fmt::format(" and {} more", more);
  title += title.empty() ? "kvreel" : " - kvreel";
  if (title == title_) return;
  title_ = title;
  host_.set_title(visible_line(title_));  // names of files, for the desktop to show
}

void App::frame(Picture* copy) {
  library_->poll();
  for (const std::string& path : host_.take_dropped()) open(path);
  session_->settle();
  watch_traces();
  collect_text();
  if (fonts_stale_ || content_scale_ != host_.content_scale()) apply_theme();

  const bool exporting = export_in_ > 0;
  host_.begin_frame(!exporting);
  const ImGuiIO& io = ImGui::GetIO();
  std::vector<KeyPress> keys = host_.take_keys();
  if (io.WantTextInput) std::erase_if(keys, [](KeyPress key) { return !passes_text_field(key); });
  items_.begin_frame();
  const auto log_line = [this](std::string_view line) { log(line); };
  Frame drawn{*session_, *library_, theme_, host_.textures(), items_, keys, now(), log_line};
  drawn.motion = !options_.fixed_time;
  const Wishes wishes = window_->draw(drawn, host_.size());
  ImGui::Render();

  Picture picture;
  const bool finishing = exporting && export_in_ == 1;
  host_.end_frame(copy != nullptr ? copy : finishing ? &picture : nullptr);
  if (exporting) --export_in_;
  if (finishing) finish_export(copy != nullptr ? *copy : picture);

  session_->remember(!ImGui::IsAnyMouseDown());
  session_->end_frame();
  ++frame_;
  session_->advance(now());
  carry_out(wishes);
}

void App::carry_out(const Wishes& wishes) {
  if (wishes.quit) {
    log("quit");
    quit_ = true;
  }
  if (wishes.toggle_theme) set_dark(!dark());
  if (wishes.scale_steps != 0) {
    constexpr float kStep = 0.125f;
    const float now = options_.scale > 0 ? options_.scale : options_.user_scale;
    set_user_scale(now + kStep * wishes.scale_steps);
  }
  if (!wishes.open.empty()) open(wishes.open);
  if (!wishes.export_png.empty()) begin_export(wishes.export_png, wishes.export_rect);
}

// The picture is taken two frames later, without the pointer, so that no tooltip or highlight is
// in it.
void App::begin_export(const std::string& path, const Rect& rect) {
  export_path_ = path;
  export_rect_ = rect;
  export_in_ = 2;
}

void App::finish_export(const Picture& picture) {
  try {
    const Picture part = crop(picture, export_rect_);
    write_png(export_path_, part);
    log(fmt::format("export {} {}x{}", export_path_, part.width, part.height));
    window_->notify(
        fmt::format("Exported {}, {} x {} pixels.", export_path_, part.width, part.height), false);
  } catch (const Error& error) {
    log("export failed");
    window_->notify(error.what(), true);
    if (options_.report) options_.report(error.what());
  }
}

bool App::settle(double timeout_s) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(timeout_s);
  // Panes may ask for more once they see what came, and an answer may come in the frame that asks.
  constexpr int kCalmFrames = 5;
  for (int calm = 0; calm < kCalmFrames; ++calm) {
    frame();
    if (!library_->busy()) continue;
    calm = -1;
    const std::chrono::duration<double, std::milli> left = until - std::chrono::steady_clock::now();
    if (left.count() <= 0 || !library_->wait_idle(static_cast<int>(left.count()))) return false;
  }
  return true;
}

void App::run(const std::function<void()>& at_rest) {
  int frames_left = kFramesAfterChange;
  while (!quit_ && !host_.should_close()) {
    if (host_.minimized()) {
      // What happens meanwhile is drawn once it is seen again; until it is taken, waiting is none.
      host_.take_activity();
      frames_left = kFramesAfterChange;
      host_.wait(60);
      continue;
    }
    if (host_.take_activity()) frames_left = kFramesAfterChange;
    const bool moving = window_->animating() || export_in_ > 0 || ImGui::IsAnyMouseDown();
    // What moved is drawn once more where it stopped.
    if (moving) frames_left = kFramesAfterChange;
    if (frames_left > 0) {
      frame();
      --frames_left;
      if (frames_left == 0 && !moving && at_rest) at_rest();
      host_.wait(0);
      continue;
    }
    // While something loads its progress is drawn ten times a second; else nothing happens by
    // itself.
    const bool loading = library_->busy();
    host_.wait(loading ? 0.1 : 60);
    if (loading) frames_left = 1;
  }
}

}  // namespace kvreel::viewer
