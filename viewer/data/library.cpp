// The window's side of loading: what is in memory, what was asked for, what has come.
#include "viewer/data/library.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/steady_clock.h"
#include "viewer/data/detail_cache.h"
#include "viewer/data/loading_thread.h"

namespace kvreel::viewer {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

// One name for a file, however its path was written. Where it cannot be found, the path as it is.
std::string real_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
  return error ? path : real.string();
}

}  // namespace

struct Library::Parts {
  struct Entry {
    std::string path;
    std::string real_path;
    int generation = 0;
    int opening = 1;  // how many times it was asked to be opened, without an answer so far
    Answer overview;
    bool timeline_asked = false;
    Answer timeline;

    bool busy() const {
      return opening > 0 || overview.expected ||
             (timeline_asked && timeline.state == LoadState::loading);
    }
  };

  Parts(std::function<void()> wake, const LibraryOptions& options)
      : details(options.cache_bytes), thread(std::move(wake), options.refresh_ms * kNsPerMs) {}

  template <typename T>
  Loaded<T> ask(const Question& question);
  Loaded<plot::Figure> figure(const FigureRequest& request, bool any_will_do);
  void take(News news);

  std::map<TraceId, Entry> entries;
  std::vector<TraceId> order;
  int next_id = 0;
  DetailCache details;
  LoadingThread thread;  // last: it stops before anything else goes
};

template <typename T>
Loaded<T> Library::Parts::ask(const Question& question) {
  const auto entry = entries.find(question.trace);
  if (entry == entries.end()) return {LoadState::failed, nullptr, "The trace is not open."};
  const Answer* known = details.find(question);
  if (known != nullptr && known->state != LoadState::loading) return known->as<T>();
  // A trace that does not open answers nothing; one that is opening may, soon.
  const Answer& overview = entry->second.overview;
  if (overview.state == LoadState::failed) return {LoadState::failed, nullptr, overview.error};
  if (known == nullptr) details.expect(question);
  thread.ask(question, details.frame());
  return {};
}

void Library::Parts::take(News news) {
  const auto found = entries.find(news.question.trace);
  if (found == entries.end()) return;  // closed meanwhile
  Entry& entry = found->second;
  if (news.generation < entry.generation) return;
  if (news.generation > entry.generation) {
    // Opened for the first time or afresh: answers about what was there before are none. Questions
    // that came meanwhile stay asked, and are about this one.
    if (entry.generation > 0) details.forget(found->first);
    entry.generation = news.generation;
    entry.timeline_asked = false;
    entry.timeline = {};
  }
  switch (news.question.topic) {
    case Topic::overview:
      if (news.answer.opening) --entry.opening;
      details.forget_failures(found->first);  // a pass that had not finished may have by now
      entry.overview = std::move(news.answer);
      break;
    case Topic::timeline:
      entry.timeline = std::move(news.answer);
      break;
    default:
      details.answer(news.question, std::move(news.answer));
  }
}

Library::Library(std::function<void()> wake, LibraryOptions options)
    : parts_(std::make_unique<Parts>(std::move(wake), options)) {}

Library::~Library() = default;

TraceId Library::open(const std::string& path) {
  const std::string real = real_path(path);
  for (auto& [id, entry] : parts_->entries) {
    if (entry.real_path != real) continue;
    ++entry.opening;
    if (entry.overview.state == LoadState::failed) entry.overview = {};
    parts_->thread.open(id, entry.path);
    return id;
  }
  const TraceId id{parts_->next_id++};
  Parts::Entry entry;
  entry.path = path;
  entry.real_path = real;
  parts_->entries.emplace(id, std::move(entry));
  parts_->order.push_back(id);
  parts_->thread.open(id, path);
  return id;
}

void Library::close(TraceId trace) {
  if (parts_->entries.erase(trace) == 0) return;
  std::erase(parts_->order, trace);
  parts_->details.forget(trace);
  parts_->thread.close(trace);
}

const std::vector<TraceId>& Library::traces() const {
  return parts_->order;
}

const std::string& Library::path(TraceId trace) const {
  static const std::string kNone;
  const auto found = parts_->entries.find(trace);
  return found == parts_->entries.end() ? kNone : found->second.path;
}

bool Library::poll() {
  parts_->details.next_frame();
  std::vector<News> news = parts_->thread.take_news();
  for (News& one : news) parts_->take(std::move(one));
  return !news.empty();
}

bool Library::busy() const {
  return parts_->details.waiting() > 0 ||
         std::any_of(parts_->entries.begin(), parts_->entries.end(),
                     [](const auto& item) { return item.second.busy(); });
}

bool Library::wait_idle(int timeout_ms) {
  const int64_t deadline = steady_ns() + timeout_ms * kNsPerMs;
  for (;;) {
    poll();
    if (!busy()) return true;
    const int64_t left = deadline - steady_ns();
    if (left <= 0) return false;
    parts_->thread.wait_for_news(left);
  }
}

void Library::wait_for_news(int timeout_ms) {
  parts_->thread.wait_for_news(timeout_ms * kNsPerMs);
}

Loaded<Overview> Library::overview(TraceId trace) {
  const auto found = parts_->entries.find(trace);
  if (found == parts_->entries.end()) return {LoadState::failed, nullptr, "The trace is not open."};
  return found->second.overview.as<Overview>();
}

Loaded<Prompt> Library::prompt(TraceId trace, int32_t sample) {
  return parts_->ask<Prompt>({trace, Topic::prompt, 0, sample, 0, 0});
}

Loaded<PassDetail> Library::pass(PassKey key) {
  return parts_->ask<PassDetail>({key.trace, Topic::pass, key.run, key.sample, 0, 0});
}

Loaded<ThresholdSteps> Library::threshold_steps(PassKey key) {
  return parts_->ask<ThresholdSteps>(
      {key.trace, Topic::threshold_steps, key.run, key.sample, 0, 0});
}

Loaded<AttentionNorms> Library::attention(PassKey key) {
  return parts_->ask<AttentionNorms>({key.trace, Topic::attention, key.run, key.sample, 0, 0});
}

Loaded<AttentionRowSet> Library::attention_rows(PassKey key, int32_t step, int32_t layer) {
  return parts_->ask<AttentionRowSet>(
      {key.trace, Topic::attention_rows, key.run, key.sample, step, layer});
}

Loaded<Outputs> Library::outputs(TraceId trace) {
  const auto known = overview(trace);
  if (!known) return {known.state, nullptr, known.error};
  // Another number of passes is another question.
  const auto passes = static_cast<int32_t>(known->passes.size());
  return parts_->ask<Outputs>({trace, Topic::outputs, 0, passes, 0, 0});
}

Loaded<TimelineData> Library::timeline(TraceId trace) {
  const auto found = parts_->entries.find(trace);
  if (found == parts_->entries.end()) return {LoadState::failed, nullptr, "The trace is not open."};
  Parts::Entry& entry = found->second;
  if (entry.overview.state == LoadState::failed) {
    return {LoadState::failed, nullptr, entry.overview.error};
  }
  // While it is loading every frame asks again, so that of several the one on the screen goes
  // first.
  if (!entry.timeline_asked || entry.timeline.state == LoadState::loading) {
    entry.timeline_asked = true;
    parts_->thread.ask({trace, Topic::timeline, 0, 0, 0, 0}, parts_->details.frame());
  }
  return entry.timeline.as<TimelineData>();
}

Loaded<plot::Figure> Library::figure(const FigureRequest& request) {
  return parts_->figure(request, false);
}

Loaded<plot::Figure> Library::figure_known(const FigureRequest& request) {
  return parts_->figure(request, true);
}

Loaded<plot::Figure> Library::Parts::figure(const FigureRequest& request, bool any_will_do) {
  if (request.traces.empty()) return {LoadState::failed, nullptr, "No run is chosen to be drawn."};
  std::vector<const Overview*> overviews;
  bool lost = false;
  for (const TraceId trace : request.traces) {
    const auto entry = entries.find(trace);
    if (entry == entries.end()) return {LoadState::failed, nullptr, "The trace is not open."};
    const auto known = entry->second.overview.as<Overview>();
    if (known.state == LoadState::failed) return {LoadState::failed, nullptr, known.error};
    // What was made of a trace that is gone by now is all that there will be.
    lost = lost || !known.error.empty();
    overviews.push_back(known.value.get());
  }
  Question question;
  question.trace = request.traces.front();
  question.topic = Topic::figure;
  question.figure = FigureKey(request);
  const Answer* known = details.find(question);
  const bool answered = known != nullptr && known->state != LoadState::loading;
  const bool good = answered && (lost || known->version == growth_of(overviews) ||
                                 (any_will_do && known->state == LoadState::ready));
  if (!good) {
    if (known == nullptr) details.expect(question);
    thread.ask(question, details.frame());
  }
  return answered ? known->as<plot::Figure>() : Loaded<plot::Figure>();
}

double Library::progress(TraceId trace) const {
  const auto found = parts_->entries.find(trace);
  if (found == parts_->entries.end()) return 1;
  const Parts::Entry& entry = found->second;
  if (entry.overview.state == LoadState::loading) return 0;
  return entry.timeline_asked ? entry.timeline.progress : 1;
}

}  // namespace kvreel::viewer
