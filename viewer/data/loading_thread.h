// The one thread that uses HDF5: takes questions by urgency, and sends news.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "viewer/data/question.h"
#include "viewer/data/source.h"

namespace kvreel::viewer {

class LoadingThread {
 public:
  // `wake` is called from the thread when there is news and there was none.
  LoadingThread(std::function<void()> wake, int64_t refresh_ns);
  // Waits for what it is doing to end; what is queued is left.
  ~LoadingThread();
  LoadingThread(const LoadingThread&) = delete;
  LoadingThread& operator=(const LoadingThread&) = delete;

  // Opens a trace, or looks whether one that is open has become another; its overview is news.
  void open(TraceId trace, const std::string& path);
  void close(TraceId trace);
  // Asked again, a question moves to its new frame. The latest frame is answered first, and within
  // a frame what was asked first.
  void ask(const Question& question, uint64_t frame);

  std::vector<News> take_news();
  // Waits until there is news, for at most so long.
  void wait_for_news(int64_t timeout_ns);

 private:
  struct Command {
    enum class Kind : uint8_t { open, close } kind = Kind::open;
    TraceId trace;
    std::string path;
  };
  struct Urgency {
    uint64_t frame = 0;
    uint64_t order = 0;
    bool operator<(const Urgency& other) const {
      return frame != other.frame ? frame > other.frame : order < other.order;
    }
  };

  void run();
  // Each does the most urgent work of its kind, false where there is none.
  bool obey();
  bool answer();
  // The most urgent question that can be answered now.
  std::map<Urgency, Question>::iterator next_question();
  Answer make_figure(const Question& question);
  bool compare();
  bool refresh();
  bool read_timeline();
  void sleep();
  void send_opening(const Source& source, Answer answer);
  void send(const Question& question, int generation, Answer answer);
  int64_t next_event_ns() const;

  std::function<void()> wake_;
  int64_t refresh_ns_;

  std::mutex mutex_;  // of what follows, to the blank line
  std::condition_variable work_;
  std::condition_variable news_came_;
  bool stop_ = false;
  std::vector<Command> commands_;
  std::map<Question, Urgency> urgencies_;
  std::map<Urgency, Question> queue_;
  uint64_t asked_ = 0;
  std::vector<News> news_;

  // Of the thread alone.
  std::map<TraceId, std::unique_ptr<Source>> sources_;
  std::map<TraceId, uint64_t> timeline_order_;  // when each was asked for last
  uint64_t timelines_asked_ = 0;
  int generations_ = 0;
  std::map<Question, int64_t> figures_from_ns_;  // when those of live traces may be made anew

  std::thread thread_;
};

}  // namespace kvreel::viewer
