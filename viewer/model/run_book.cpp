// Asking for what figures need, and computing them.
#include "viewer/model/run_book.h"

#include <algorithm>

namespace kvreel::viewer {

bool RunBook::update(Session& session) {
  Library& library = session.library();
  std::vector<Known> known;
  failures_.clear();
  loading_ = false;
  for (const TraceId trace : library.traces()) {
    const auto overview = library.overview(trace);
    if (!overview) continue;
    Known one{trace, overview.value, nullptr};
    const auto outputs = library.outputs(trace);
    one.outputs = outputs.value;
    if (outputs.state == LoadState::failed) failures_.push_back(outputs.error);
    if (outputs.state == LoadState::loading) {
      loading_ = true;
      // A live trace has grown: until its outputs are read anew, those of its older passes stand.
      const auto before = std::find_if(known_.begin(), known_.end(),
                                       [&](const Known& k) { return k.trace == trace; });
      if (before != known_.end()) one.outputs = before->outputs;
    }
    known.push_back(std::move(one));
  }
  const RunRef reference = session.view().reference;
  if (known == known_ && reference == reference_ && version_ > 0) return false;
  known_ = std::move(known);
  reference_ = reference;
  runs_.clear();
  ++version_;
  const auto source = [](const Known& trace, int32_t run) {
    return RunSource{trace.trace, trace.overview, trace.outputs, run};
  };
  const auto home = std::find_if(known_.begin(), known_.end(),
                                 [&](const Known& k) { return k.trace == reference.trace; });
  if (home == known_.end() || reference.run < 0 ||
      static_cast<size_t>(reference.run) >= home->overview->runs.size()) {
    return true;
  }
  const RunSource against = source(*home, reference.run);
  for (const Known& trace : known_) {
    for (size_t run = 0; run < trace.overview->runs.size(); ++run) {
      RunOfTable row{source(trace, static_cast<int32_t>(run)), {}};
      row.figures = compare_run(row.source, against);
      runs_.push_back(std::move(row));
    }
  }
  return true;
}

const RunOfTable* RunBook::find(RunRef run) const {
  const auto found = std::find_if(runs_.begin(), runs_.end(), [&](const RunOfTable& row) {
    return row.source.trace == run.trace && row.source.run == run.run;
  });
  return found == runs_.end() ? nullptr : &*found;
}

}  // namespace kvreel::viewer
