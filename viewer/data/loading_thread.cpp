// The one thread that uses HDF5: takes questions by urgency, and sends news.
#include "viewer/data/loading_thread.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/steady_clock.h"
#include "viewer/data/figure_answer.h"

namespace kvreel::viewer {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kFigureInterval = 1'000'000'000;  // between two of a trace that grows
// Figures of a trace that grows take at most one part in this many of the thread's time.
constexpr int64_t kFigureCostShare = 8;

Question about(TraceId trace, Topic topic) {
  Question question;
  question.trace = trace;
  question.topic = topic;
  return question;
}

}  // namespace

LoadingThread::LoadingThread(std::function<void()> wake, int64_t refresh_ns)
    : wake_(std::move(wake)), refresh_ns_(refresh_ns), thread_([this] { run(); }) {}

LoadingThread::~LoadingThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_one();
  thread_.join();
}

void LoadingThread::open(TraceId trace, const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back({Command::Kind::open, trace, path});
  }
  work_.notify_one();
}

void LoadingThread::close(TraceId trace) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back({Command::Kind::close, trace, {}});
    std::erase_if(queue_, [&](const auto& item) { return item.second.concerns(trace); });
    std::erase_if(urgencies_, [&](const auto& item) { return item.first.concerns(trace); });
  }
  work_.notify_one();
}

void LoadingThread::ask(const Question& question, uint64_t frame) {
  {
    const std::lock_guard lock(mutex_);
    const auto [at, is_new] = urgencies_.try_emplace(question);
    if (!is_new) {
      if (at->second.frame == frame) return;
      queue_.erase(at->second);
    }
    at->second = {frame, ++asked_};
    queue_.emplace(at->second, question);
    if (!is_new) return;
  }
  work_.notify_one();
}

std::vector<News> LoadingThread::take_news() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

void LoadingThread::wait_for_news(int64_t timeout_ns) {
  std::unique_lock lock(mutex_);
  news_came_.wait_for(lock, std::chrono::nanoseconds(timeout_ns), [&] { return !news_.empty(); });
}

void LoadingThread::send(const Question& question, int generation, Answer answer) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = news_.empty();
    news_.push_back({question, generation, std::move(answer)});
  }
  news_came_.notify_one();
  if (first && wake_) wake_();
}

// What a person waits for comes first; a timeline, which is long, goes block by block when nothing
// else is to be done.
void LoadingThread::run() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stop_) break;
    }
    if (obey() || refresh() || answer() || compare() || read_timeline()) continue;
    sleep();
  }
  sources_.clear();  // HDF5 is closed on the thread that opened it
}

void LoadingThread::send_opening(const Source& source, Answer answer) {
  answer.opening = true;
  send(about(source.id(), Topic::overview), source.generation(), std::move(answer));
}

bool LoadingThread::obey() {
  Command command;
  {
    const std::lock_guard lock(mutex_);
    if (commands_.empty()) return false;
    command = std::move(commands_.front());
    commands_.erase(commands_.begin());
  }
  if (command.kind == Command::Kind::close) {
    sources_.erase(command.trace);
    timeline_order_.erase(command.trace);
    return true;
  }
  std::unique_ptr<Source>& source = sources_[command.trace];
  if (source && source->is_current()) {
    send_opening(*source, source->overview_answer());
    return true;
  }
  source.reset();  // HDF5 must let go of the old file before it opens the path again
  source = std::make_unique<Source>(command.trace, command.path, ++generations_, refresh_ns_);
  timeline_order_.erase(command.trace);
  send_opening(*source, source->open(steady_ns()));
  return true;
}

std::map<LoadingThread::Urgency, Question>::iterator LoadingThread::next_question() {
  return std::find_if(queue_.begin(), queue_.end(), [&](const auto& item) {
    const auto from = figures_from_ns_.find(item.second);
    return from == figures_from_ns_.end() || steady_ns() >= from->second;
  });
}

bool LoadingThread::answer() {
  Question question;
  {
    const std::lock_guard lock(mutex_);
    const auto next = next_question();
    if (next == queue_.end()) return false;
    question = next->second;
    queue_.erase(next);
    urgencies_.erase(question);
  }
  const auto source = sources_.find(question.trace);
  if (source == sources_.end()) return true;  // closed meanwhile
  if (question.topic == Topic::timeline) {
    timeline_order_[question.trace] = ++timelines_asked_;
    source->second->want_timeline();
    return true;
  }
  for (const auto& [id, concerned] : sources_) {
    if (!question.concerns(id)) continue;
    if (auto lost = concerned->look_at_file()) {
      send(about(id, Topic::overview), concerned->generation(), std::move(*lost));
    }
  }
  const bool figure = question.topic == Topic::figure;
  send(question, source->second->generation(),
       figure ? make_figure(question) : source->second->answer(question));
  return true;
}

Answer LoadingThread::make_figure(const Question& question) {
  const int64_t begin = steady_ns();
  const FigureRequest& request = *question.figure.get();
  std::vector<Source*> traces;
  for (const TraceId trace : request.traces) {
    const auto found = sources_.find(trace);
    if (found == sources_.end()) return Answer::failure("The trace is not open.");
    traces.push_back(found->second.get());
  }
  Answer answer = figure_answer(request, traces);
  const bool live = std::any_of(traces.begin(), traces.end(), [](const Source* source) {
    return source->overview() != nullptr && source->overview()->live;
  });
  const int64_t end = steady_ns();
  std::erase_if(figures_from_ns_, [&](const auto& item) { return item.second <= end; });
  if (live) {
    figures_from_ns_[question] = end + std::max(kFigureInterval, kFigureCostShare * (end - begin));
  }
  return answer;
}

bool LoadingThread::compare() {
  for (const auto& [id, source] : sources_) {
    if (!source->comparison_due(steady_ns())) continue;
    send(about(id, Topic::overview), source->generation(), source->compare(steady_ns()));
    return true;
  }
  return false;
}

bool LoadingThread::refresh() {
  for (const auto& [id, source] : sources_) {
    const auto due = source->next_refresh();
    if (!due || steady_ns() < *due) continue;
    if (auto changed = source->refresh(steady_ns())) {
      send(about(id, Topic::overview), source->generation(), std::move(*changed));
    }
    return true;
  }
  return false;
}

bool LoadingThread::read_timeline() {
  Source* latest = nullptr;
  uint64_t latest_order = 0;
  for (const auto& [id, order] : timeline_order_) {
    Source& source = *sources_.at(id);
    if (source.timeline_due() && order > latest_order) {
      latest = &source;
      latest_order = order;
    }
  }
  if (latest == nullptr) return false;
  if (auto snapshot = latest->read_timeline(steady_ns())) {
    send(about(latest->id(), Topic::timeline), latest->generation(), std::move(*snapshot));
  }
  return true;
}

int64_t LoadingThread::next_event_ns() const {
  int64_t next = kNever;
  for (const auto& [id, source] : sources_) {
    if (const auto due = source->next_refresh()) next = std::min(next, *due);
    if (const auto due = source->next_comparison()) next = std::min(next, *due);
  }
  for (const auto& [question, from] : figures_from_ns_) {
    if (from > steady_ns()) next = std::min(next, from);
  }
  return next;
}

void LoadingThread::sleep() {
  const int64_t next = next_event_ns();
  std::unique_lock lock(mutex_);
  const auto wanted = [&] {
    return stop_ || !commands_.empty() || next_question() != queue_.end();
  };
  if (next == kNever) {
    work_.wait(lock, wanted);
  } else {
    work_.wait_for(lock, std::chrono::nanoseconds(std::max<int64_t>(next - steady_ns(), 0)),
                   wanted);
  }
}

}  // namespace kvreel::viewer
