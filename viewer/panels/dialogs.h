// What lies over the pages for a while: opening a file, the keys.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "viewer/panels/ui.h"

namespace kvreel::viewer {

// The area of an open dialog in the middle of the window; nothing where it was closed (Escape, a
// click beside it). What is drawn until end_dialog() is in it.
bool begin_dialog(Frame& frame, const char* name, const char* title, ImVec2 window, ImVec2 size,
                  bool& open);
void end_dialog();
// A text field with a name, as wide as there is room. True when Enter was pressed in it. `focus`:
// it gets the keyboard.
bool text_field(Frame& frame, const char* name, const char* hint, std::string& text, bool& focus);
// "~" as a shell reads it.
std::string expanded_path(std::string path);

// Names a trace by path, or by clicking through directories.
class OpenDialog {
 public:
  void show();
  bool is_open() const { return open_; }
  // The path that was chosen in this frame.
  std::optional<std::string> draw(Frame& frame, ImVec2 window);

  // What a directory shows: directories first, then files that may be traces, each by name. Nothing
  // where it cannot be read.
  struct Entry {
    std::string name;
    bool directory = false;
    uint64_t bytes = 0;
  };
  static std::vector<Entry> entries(const std::filesystem::path& directory);

 private:
  void go(const std::filesystem::path& directory);

  bool open_ = false;
  bool focus_ = false;
  std::filesystem::path directory_;
  std::string field_;
  std::string problem_;
  std::vector<Entry> entries_;
};

// Every key, in groups.
void draw_keys(Frame& frame, ImVec2 window, bool& open);

}  // namespace kvreel::viewer
