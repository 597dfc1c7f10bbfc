// Choosing runs and samples, and the colours of runs.
#include "viewer/panels/run_choice.h"

#include <algorithm>

namespace kvreel::viewer {

bool is_compared(const View& view, RunRef run) {
  return std::find(view.compared.begin(), view.compared.end(), run) != view.compared.end();
}

ImU32 run_color(const Frame& frame, RunRef run) {
  const View& view = frame.session.view();
  const Palette& p = frame.palette();
  if (run == view.reference) return mix(p.text2, p.text, 0.4f);
  const auto found = std::find(view.compared.begin(), view.compared.end(), run);
  if (found == view.compared.end()) return p.text2;
  // The last one is grey, as the reference is.
  return p.series[static_cast<size_t>(found - view.compared.begin()) % (p.series.size() - 1)];
}

void choose_run(Frame& frame, RunRef run) {
  if (frame.session.view().run == run) return;
  frame.session.select_run(run);
  if (frame.log) frame.log("run " + frame.session.run_label(run));
}

void choose_sample(Frame& frame, const std::string& sample) {
  if (frame.session.view().sample == sample) return;
  frame.session.select_sample(sample);
  if (frame.log) frame.log("sample " + sample);
}

void choose_reference(Frame& frame, RunRef run) {
  View& view = frame.session.view();
  if (view.reference == run) return;
  const RunRef before = view.reference;
  const auto place = std::find(view.compared.begin(), view.compared.end(), run);
  if (place != view.compared.end()) {
    *place = before;
  } else {
    view.compared.insert(view.compared.begin(), before);
  }
  view.reference = run;
  if (frame.log) frame.log("reference " + frame.session.run_label(run));
}

void toggle_compared(Frame& frame, RunRef run) {
  View& view = frame.session.view();
  if (run == view.reference) return;
  const bool on = is_compared(view, run);
  // One at least: a reference alone is compared with nothing.
  if (on && view.compared.size() == 1) return;
  if (on) {
    std::erase(view.compared, run);
  } else {
    view.compared.push_back(run);
  }
  if (frame.log) frame.log((on ? "leave out " : "compare ") + frame.session.run_label(run));
}

}  // namespace kvreel::viewer
