// Which figure the figures page draws, of what, and how it looks: values that can be taken back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exports/plot/style.h"
#include "viewer/data/figure_request.h"

namespace kvreel::viewer {

struct FigureLook {
  std::string name;  // of exports::known_figures(); "": the first that the traces can show
  std::string style = "screen";
  std::string size;  // of plot::known_sizes(); "": the first
  std::string family = "dejavu";
  std::string palette;        // "": of the style
  std::optional<bool> title;  // none: likewise
  std::optional<bool> footer;
  std::string by;  // field of the samples' metadata; "": none
  bool log_y = false;
  std::vector<std::string> runs_left_out;  // names
  std::vector<TraceId> traces_left_out;

  bool operator==(const FigureLook&) const = default;
  bool leaves_out(TraceId trace) const;
  bool leaves_out(const std::string& run) const;
};

// The style's colours and sizes, with what the look has of its own. Throws UsageError where a name
// is unknown.
plot::Style style_of(const FigureLook& look);

}  // namespace kvreel::viewer
