// A person's steps, written down: what --script runs, off screen.
//
// One command a line; # begins a comment; an argument with spaces stands in double quotes. Places
// in an item are shares of its width and height (0.5 0.5: its middle).
//
//   click NAME [FX FY]          double-click NAME [FX FY]     hover NAME [FX FY]
//   drag NAME FX FY FX FY       wheel NAME NOTCHES
//   key KEY                     (space, ctrl+e, shift+right)
//   type TEXT
//   frames N                    wait                          (until all is loaded)
//   shot FILE [NAME]            theme dark|light              size WxH
//   open PATH                   figure NAME                   (on the figures page)
//   expect NAME TEXT            (its text contains TEXT)      absent NAME
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "viewer/shell/app.h"

namespace kvreel::viewer {

struct ScriptStep {
  int line = 0;
  std::string command;
  std::vector<std::string> arguments;
};

struct Script {
  std::string name;  // of its file, for messages
  std::vector<ScriptStep> steps;
};

// Throws Error, naming the line, for what is no command.
Script parse_script(std::string_view text, const std::string& name);
Script read_script(const std::string& path);

// Throws Error, naming the line: an unknown item, an expectation that does not hold, a file that
// cannot be written. An item that is not there is waited for while something is loading.
void run_script(const Script& script, App& app, OffscreenHost& host);

// "1600x1000". Throws UsageError.
struct PixelSize {
  int width = 0;
  int height = 0;
};
PixelSize parse_size(const std::string& text);

// Names, rectangles [x, y, width, height] in pixels and texts of what was drawn last, as JSON.
std::string items_json(const Items& items, ImVec2 size);

}  // namespace kvreel::viewer
