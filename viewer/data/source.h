// One open trace on the loading thread: the reader, and what has been published of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "viewer/data/question.h"
#include "viewer/data/read_pass.h"

namespace kvreel::viewer {

// Tells files apart that have, one after the other, the same path.
struct FileState {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t bytes = 0;
  int64_t modified_ns = 0;
  bool operator==(const FileState&) const = default;
  // All zeros where there is none.
  static FileState of(const std::string& path);
};

// All times are nanoseconds of steady_clock, passed in.
class Source {
 public:
  Source(TraceId id, std::string path, int generation, int64_t refresh_ns);

  TraceId id() const { return id_; }
  int generation() const { return generation_; }
  // Whether the path still names what was opened, in a state that answers: else it is to be opened
  // again.
  bool is_current() const;
  // Looks whether a file that nobody should be writing was removed or replaced meanwhile. An answer
  // where it was; what was read of it stays.
  std::optional<Answer> look_at_file();

  // To read from. Throws Error, saying why, where it cannot be read (any more).
  const tracer::Trace& trace() const;
  const Overview* overview() const { return overview_.get(); }  // null: not open

  // Opens the trace and reads its overview, without the comparison. Where that fails the answer is
  // the failure.
  Answer open(int64_t now_ns);
  Answer overview_answer() const;
  // Everything but the overview, the timeline and figures.
  Answer answer(const Question& question);

  // The comparison is wanted and may be computed now.
  bool comparison_due(int64_t now_ns) const;
  std::optional<int64_t> next_comparison() const;
  Answer compare(int64_t now_ns);

  // When a live trace is to be looked at next; none: never.
  std::optional<int64_t> next_refresh() const;
  // Looks at a live trace. An answer where the overview has changed.
  std::optional<Answer> refresh(int64_t now_ns);

  // The timeline: asked for, and with more to read now.
  bool timeline_due() const { return timeline_wanted_ && timeline_more_ && usable(); }
  void want_timeline();
  // Reads one block. An answer where a snapshot is due.
  std::optional<Answer> read_timeline(int64_t now_ns);

 private:
  bool usable() const { return trace_.has_value() && overview_ != nullptr; }
  void publish_overview(int64_t now_ns);
  Answer lose(std::string sentence);
  bool has_all_rows() const;
  const PassInfo& pass_of(const Question& question) const;

  TraceId id_;
  std::string path_;
  int generation_ = 0;
  int64_t refresh_ns_ = 0;

  std::optional<tracer::Trace> trace_;
  FileState file_;          // when it was opened
  std::string provenance_;  // of the recording
  std::string lost_;        // why nothing more can be read: a sentence
  std::shared_ptr<const Overview> overview_;
  std::vector<uint64_t> tokens_end_;  // rows of tokens by sample
  SharedRows shared_;

  bool compare_wanted_ = false;
  int64_t compare_from_ns_ = 0;  // not before
  std::optional<int64_t> next_refresh_ns_;
  int64_t publish_from_ns_ = 0;  // a changed overview not before
  bool stale_ = false;           // the overview is older than the trace

  bool timeline_wanted_ = false;
  bool timeline_more_ = true;        // there are rows that it has not read
  bool timeline_caught_up_ = false;  // it has read all rows once
  int64_t snapshot_from_ns_ = 0;
  std::unique_ptr<TimelineLoader> timeline_;
};

}  // namespace kvreel::viewer
