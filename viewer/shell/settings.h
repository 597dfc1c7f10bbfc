// What the viewer remembers between starts: a small JSON file of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "viewer/model/session.h"

namespace kvreel::viewer {

struct Settings {
  int width = 1600;  // of the window, pixels
  int height = 1000;
  bool dark = true;
  float scale = 1;                  // what the user chose, on top of the desktop's
  std::vector<std::string> recent;  // absolute paths, newest first
  PaneShares replay_panes;
  bool text_strike = false;
  bool operator==(const Settings&) const = default;
};

// $XDG_CONFIG_HOME/kvreel/viewer.json, else ~/.config/kvreel/viewer.json; "" without a home.
std::string settings_path();
// Defaults where there is no file. One that is damaged gives the defaults and a sentence in
// `problem`; a single value that is out of range keeps its default.
Settings load_settings(const std::string& path, std::string& problem);
// Written beside and renamed. Throws Error.
void save_settings(const std::string& path, const Settings& settings);

}  // namespace kvreel::viewer
