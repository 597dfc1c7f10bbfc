// What the figures page asks for: the look's figure, of the open traces, at the shared position.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "viewer/data/figure_request.h"
#include "viewer/model/session.h"

namespace kvreel::viewer {

// Null where there is no figure of this name.
const exports::FigureInfo* find_figure(std::string_view name);

// A figure as the view has it: runs, reference and traces of the look; sample, run and layer of the
// position where the figure is of one. Without traces where none is open.
FigureRequest figure_request(Session& session, const std::string& name);

// What a pane of another page shows, which a figure can show, too.
struct PaneFigure {
  std::string_view pane;    // name of its item
  std::string_view figure;  // of exports::known_figures()
  bool one_run = false;     // the position's; else the reference and those that are compared
  bool one_sample = false;  // the position's; else all
  bool one_layer = false;   // likewise
  bool one_step = false;    // the attention page's; else all
};
// Null where no figure shows what the pane does.
const PaneFigure* figure_of_pane(std::string_view pane);
// The figure of just what the pane shows.
FigureRequest figure_request(Session& session, const PaneFigure& of);

// Names of runs that the look's traces have, each once, in their order; those that are left out,
// too.
std::vector<std::string> figure_runs(Session& session);

// Fields of the samples' metadata in the look's traces, by name.
std::vector<std::string> figure_fields(Session& session);

// Whether a figure of this scope follows the position's sample.
inline bool is_of_one_sample(exports::FigureScope scope) {
  return scope != exports::FigureScope::samples;
}
inline bool is_of_one_run(exports::FigureScope scope) {
  return scope == exports::FigureScope::pass || scope == exports::FigureScope::decision;
}

}  // namespace kvreel::viewer
