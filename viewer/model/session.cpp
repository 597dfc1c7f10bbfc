// The shared position, its history, and playing.
#include "viewer/model/session.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "viewer/model/replay_state.h"

namespace kvreel::viewer {

std::string_view aggregation_name(Aggregation aggregation) {
  constexpr std::array<std::string_view, 3> kNames = {"mean", "max", "min"};
  return kNames[static_cast<size_t>(aggregation)];
}

void Session::remember(bool settled) {
  if (!settled || view_ == before_) return;
  // Playing moves the replay by itself: not something to take back.
  View without_replay = before_;
  without_replay.replay = view_.replay;
  if (view_ != without_replay) {
    constexpr size_t kDepth = 200;
    past_.push_back(before_);
    if (past_.size() > kDepth) past_.erase(past_.begin());
    future_.clear();
  }
  before_ = view_;
}

void Session::undo() {
  if (past_.empty()) return;
  future_.push_back(view_);
  view_ = past_.back();
  before_ = view_;
  past_.pop_back();
}

void Session::redo() {
  if (future_.empty()) return;
  past_.push_back(view_);
  view_ = future_.back();
  before_ = view_;
  future_.pop_back();
}

std::vector<RunRef> Session::runs() {
  std::vector<RunRef> all;
  for (const TraceId trace : library_.traces()) {
    const auto overview = library_.overview(trace);
    if (!overview) continue;
    for (size_t run = 0; run < overview->runs.size(); ++run) {
      all.push_back({trace, static_cast<int32_t>(run)});
    }
  }
  return all;
}

const RunInfo* Session::run_info(RunRef run) {
  const auto overview = library_.overview(run.trace);
  if (!overview || run.run < 0 || static_cast<size_t>(run.run) >= overview->runs.size()) {
    return nullptr;
  }
  return &overview->runs[static_cast<size_t>(run.run)];
}

std::string Session::run_label(RunRef run) {
  const RunInfo* info = run_info(run);
  if (info == nullptr) return "-";
  if (library_.traces().size() < 2) return info->name;
  return info->name + " (" + library_.overview(run.trace)->file + ")";
}

std::vector<RunRef> Session::shown_runs() {
  std::vector<RunRef> shown = {view_.reference};
  shown.insert(shown.end(), view_.compared.begin(), view_.compared.end());
  std::erase_if(shown, [&](RunRef run) { return run_info(run) == nullptr; });
  return shown;
}

void Session::settle() {
  const View entered = view_;
  choose_what_is_there();
  // What is chosen here is nothing that the user could take back.
  if (view_ != entered && before_ == entered) before_ = view_;
}

// The first time a trace is there: the run 'full' is the reference, all others are compared, and
// the position is at the first run that evicts. Runs of traces that come later are compared, too,
// unless the user has chosen some: what is shown must not depend on which file opened faster.
void Session::choose_what_is_there() {
  const std::vector<RunRef> all = runs();
  if (all.empty()) return;
  const auto known = [&](RunRef run) {
    return std::find(all.begin(), all.end(), run) != all.end();
  };
  std::erase_if(view_.compared, [&](RunRef run) { return !known(run); });
  std::erase_if(all_compared_, [&](RunRef run) { return !known(run); });
  if (!known(view_.reference)) {
    const auto full = std::find_if(all.begin(), all.end(),
                                   [&](RunRef run) { return run_info(run)->policy == "full"; });
    view_.reference = full == all.end() ? all.front() : *full;
    std::erase(view_.compared, view_.reference);
  }
  if (view_.compared.empty() || view_.compared == all_compared_) {
    view_.compared.clear();
    for (const RunRef run : all) {
      if (run != view_.reference) view_.compared.push_back(run);
    }
    all_compared_ = view_.compared;
  }
  if (!known(view_.run)) {
    view_.run = view_.compared.empty() ? view_.reference : view_.compared.front();
    view_.sample.clear();
  }
  const auto here = overview();
  if (here->find_sample(view_.sample) < 0) {
    view_.sample = here->samples.empty() ? std::string() : here->samples.front().id;
    view_.token = -1;
    view_.replay = -1;
  }
  if (here->layers > 0) view_.layer = std::clamp(view_.layer, 0, here->layers - 1);
}

int32_t Session::sample_in(TraceId trace) {
  const auto overview = library_.overview(trace);
  return overview ? overview->find_sample(view_.sample) : -1;
}

std::optional<PassKey> Session::pass_key(RunRef run) {
  const int32_t sample = sample_in(run.trace);
  if (sample < 0) return std::nullopt;
  return PassKey{run.trace, run.run, sample};
}

Loaded<PassDetail> Session::pass(RunRef run) {
  const std::optional<PassKey> key = pass_key(run);
  if (!key) return {LoadState::failed, nullptr, "The trace of this run does not have the sample."};
  return library_.pass(*key);
}

Loaded<Prompt> Session::prompt() {
  const int32_t sample = sample_in(view_.run.trace);
  if (sample < 0) return {LoadState::failed, nullptr, "There is no sample."};
  return library_.prompt(view_.run.trace, sample);
}

void Session::select_run(RunRef run) {
  view_.run = run;
}

void Session::select_sample(std::string id) {
  if (id == view_.sample) return;
  view_.sample = std::move(id);
  view_.token = -1;
  view_.step = 0;
  view_.replay = -1;
  view_.token_begin = view_.token_end = 0;
  playing_ = false;
}

void Session::select_layer(int32_t layer) {
  view_.layer = layer;
}

void Session::select_token(int32_t token) {
  view_.token = token;
}

void Session::end_frame() {
  hover_ = std::move(next_hover_);
  next_hover_ = {};
}

WhatIf Session::what_if(RunRef run) {
  const RunInfo* info = run_info(run);
  return {view_.threshold, info == nullptr ? CurveBase::candidates : curve_base(*info)};
}

int64_t Session::replay_length() {
  const auto detail = pass();
  if (!detail) return 0;
  const int layer = view_.replay_one_layer ? view_.layer : -1;
  const WhatIf at = what_if();
  if (counted_pass_ != detail.value || counted_layer_ != layer || !(counted_at_ == at)) {
    counted_ = eviction_count(*detail.value, layer, applicable(*detail.value, at));
    counted_pass_ = detail.value;
    counted_layer_ = layer;
    counted_at_ = at;
  }
  return counted_;
}

int64_t Session::replay_position() {
  const int64_t length = replay_length();
  return view_.replay < 0 ? length : std::min(view_.replay, length);
}

void Session::set_replay(int64_t position) {
  view_.replay = std::clamp<int64_t>(position, 0, replay_length());
}

void Session::play(bool on) {
  if (on && replay_position() >= replay_length()) set_replay(0);
  playing_ = on && replay_length() > 0;
  played_from_s_ = -1;
  replay_fraction_ = 0;
}

void Session::advance(double now_s) {
  if (!playing_) return;
  const double last = played_from_s_;
  played_from_s_ = now_s;
  if (last < 0) return;
  constexpr double kSeconds = 5;  // for all evictions, at speed 1
  const int64_t length = replay_length();
  replay_fraction_ += (now_s - last) * view_.replay_speed * static_cast<double>(length) / kSeconds;
  const double whole = std::floor(replay_fraction_);
  replay_fraction_ -= whole;
  int64_t position = replay_position() + static_cast<int64_t>(whole);
  if (position >= length) {
    if (view_.replay_loop && length > 0) {
      position %= length;
    } else {
      position = length;
      playing_ = false;
    }
  }
  set_replay(position);
}

}  // namespace kvreel::viewer
