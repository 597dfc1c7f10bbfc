// One open trace on the loading thread: the reader, and what has been published of it.
#include "viewer/data/source.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/steady_clock.h"
#include "base/text.h"
#include "viewer/data/read_overview.h"

namespace kvreel::viewer {
namespace {

constexpr int64_t kCompareInterval = 2'000'000'000;  // of a live trace, at least
constexpr int64_t kSnapshotInterval = 100'000'000;   // of a timeline that grows
// Work that is repeated while a trace grows takes at most one part in this many of the time.
constexpr int64_t kCostShare = 20;

template <typename T>
Answer ready(std::shared_ptr<const T> value) {
  Answer answer;
  answer.state = LoadState::ready;
  answer.progress = 1;
  if constexpr (requires { value->bytes(); }) answer.bytes = value->bytes();
  answer.value = std::move(value);
  return answer;
}

}  // namespace

FileState FileState::of(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino),
          static_cast<uint64_t>(info.st_size),
          int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

Source::Source(TraceId id, std::string path, int generation, int64_t refresh_ns)
    : id_(id), path_(std::move(path)), generation_(generation), refresh_ns_(refresh_ns) {}

bool Source::is_current() const {
  if (!usable() || !lost_.empty()) return false;
  return trace_->is_live() || file_ == FileState::of(path_);
}

std::optional<Answer> Source::look_at_file() {
  if (!usable() || !lost_.empty() || trace_->is_live()) return std::nullopt;
  const FileState found = FileState::of(path_);
  const bool same = found.device == file_.device && found.inode == file_.inode;
  if (same && found.bytes == file_.bytes) return std::nullopt;
  const bool removed = found.inode == 0;
  // Another file leaves the first one whole for those who have it open; the same file with other
  // bytes in it does not.
  if (same) trace_.reset();
  return lose(fmt::format("{} was {} while it was shown; what was read of it stays.{}", path_,
                          removed ? "removed" : "replaced",
                          removed ? "" : " Open it again to see what it is now."));
}

const tracer::Trace& Source::trace() const {
  if (!usable()) fail("{}", lost_.empty() ? path_ + " is not open" : lost_);
  return *trace_;
}

Answer Source::open(int64_t now_ns) {
  try {
    file_ = FileState::of(path_);
    trace_ = tracer::Trace::open(path_);
    provenance_ = trace_->provenance();
    publish_overview(now_ns);
  } catch (...) {
    lost_ = sentence_of_exception("Opening " + path_);
    return Answer::failure(lost_);
  }
  return overview_answer();
}

// Reads the overview anew, and plans what follows from it.
void Source::publish_overview(int64_t now_ns) {
  const int64_t begin = steady_ns();
  std::shared_ptr<Overview> overview = read_overview(*trace_);
  // The old comparison is better than none until there is a newer one.
  if (overview_) overview->comparison = overview_->comparison;
  tokens_end_.clear();
  uint64_t end = 0;  // samples' tokens lie one behind the other
  for (const SampleInfo& sample : overview->samples) {
    end += static_cast<uint64_t>(sample.tokens);
    tokens_end_.push_back(end);
  }
  overview_ = std::move(overview);
  stale_ = false;
  compare_wanted_ = !overview_->passes.empty();
  if (overview_->live) {
    next_refresh_ns_ = now_ns + refresh_ns_;
  } else {
    next_refresh_ns_.reset();
  }
  publish_from_ns_ = now_ns + kCostShare * (steady_ns() - begin);
}

Answer Source::overview_answer() const {
  if (!overview_) return Answer::failure(lost_);
  Answer answer = ready(overview_);
  // Later comparisons of a live trace are news, not something that is waited for.
  answer.expected = compare_wanted_ && !overview_->comparison;
  answer.error = lost_;
  return answer;
}

bool Source::comparison_due(int64_t now_ns) const {
  const std::optional<int64_t> due = next_comparison();
  return due && now_ns >= *due;
}

std::optional<int64_t> Source::next_comparison() const {
  if (!usable() || !lost_.empty() || !compare_wanted_) return std::nullopt;
  return compare_from_ns_;
}

Answer Source::compare(int64_t now_ns) {
  const int64_t begin = steady_ns();
  auto overview = std::make_shared<Overview>(*overview_);
  add_comparison(*trace_, *overview);
  overview_ = std::move(overview);
  compare_wanted_ = false;
  compare_from_ns_ = now_ns + std::max(kCompareInterval, kCostShare * (steady_ns() - begin));
  return overview_answer();
}

std::optional<int64_t> Source::next_refresh() const {
  return next_refresh_ns_;
}

// What is loaded stays, with a sentence why there will be no more.
Answer Source::lose(std::string sentence) {
  lost_ = std::move(sentence);
  next_refresh_ns_.reset();
  compare_wanted_ = false;
  auto overview = std::make_shared<Overview>(*overview_);
  overview->live = false;
  overview->warnings.insert(overview->warnings.begin(), lost_);
  overview_ = std::move(overview);
  return overview_answer();
}

bool Source::has_all_rows() const {
  if (overview_->passes.empty()) return true;
  const tracer::PassRows& rows = overview_->passes.back().rows;
  return trace_->rows<tracer::Passes>() > rows.row &&
         trace_->rows<tracer::Steps>() >= rows.steps.end;
}

std::optional<Answer> Source::refresh(int64_t now_ns) {
  next_refresh_ns_ = now_ns + refresh_ns_;
  try {
    const uint64_t passes = trace_->rows<tracer::Passes>();
    const uint64_t samples = trace_->rows<tracer::Samples>();
    const uint64_t runs = trace_->rows<tracer::Runs>();
    if (trace_->refresh()) timeline_more_ = true;
    if (trace_->provenance() != provenance_ || trace_->rows<tracer::Passes>() < passes) {
      trace_.reset();
      return lose(path_ +
                  " was replaced by another trace while it was shown; what was read of the first "
                  "one stays. Open it again to see the new one.");
    }
    file_ = FileState::of(path_);
    stale_ = stale_ || trace_->rows<tracer::Passes>() != passes ||
             trace_->rows<tracer::Samples>() != samples || trace_->rows<tracer::Runs>() != runs;
    const bool ended = !trace_->is_live();
    if (ended) timeline_more_ = true;
    if (!ended && !(stale_ && now_ns >= publish_from_ns_)) return std::nullopt;
    publish_overview(now_ns);
    if (ended) compare_from_ns_ = 0;
    return overview_answer();
  } catch (...) {
    // Halfway into another file, the reader has no rows any more.
    if (!has_all_rows()) trace_.reset();
    return lose(sentence_of_exception("Following " + path_));
  }
}

const PassInfo& Source::pass_of(const Question& question) const {
  if (const PassInfo* pass = overview_->pass(question.run, question.sample)) return *pass;
  fail("run {} has not finished sample {} in {}", question.run, question.sample, path_);
}

Answer Source::answer(const Question& question) {
  try {
    trace();  // or the sentence why not
    const auto sample = static_cast<size_t>(question.sample);
    switch (question.topic) {
      case Topic::prompt:
        if (question.sample < 0 || sample >= tokens_end_.size()) {
          fail("{} has no sample {}", path_, question.sample);
        }
        return ready(read_prompt(*trace_, question.sample,
                                 {sample == 0 ? 0 : tokens_end_[sample - 1], tokens_end_[sample]}));
      case Topic::pass:
        return ready(read_pass(*trace_, *overview_, pass_of(question), shared_));
      case Topic::threshold_steps:
        return ready(read_threshold_steps(*trace_, *overview_, pass_of(question), shared_));
      case Topic::attention:
        return ready(read_attention(*trace_, *overview_, pass_of(question)));
      case Topic::attention_rows:
        return ready(read_attention_rows(*trace_, *overview_, pass_of(question), question.step,
                                         question.layer));
      case Topic::outputs:
        return ready(std::make_shared<const Outputs>(read_outputs(*trace_)));
      case Topic::overview:
      case Topic::timeline:
      case Topic::figure:
        break;
    }
    fail("a question of topic {} came to the wrong place", static_cast<int>(question.topic));
  } catch (...) {
    return Answer::failure(sentence_of_exception("Reading " + path_));
  }
}

void Source::want_timeline() {
  timeline_wanted_ = true;
}

std::optional<Answer> Source::read_timeline(int64_t now_ns) {
  try {
    if (!timeline_) timeline_ = std::make_unique<TimelineLoader>(overview_);
    timeline_more_ = timeline_->read_some(*trace_);
    if (timeline_more_ && now_ns < snapshot_from_ns_) return std::nullopt;
    snapshot_from_ns_ = now_ns + kSnapshotInterval;
    Answer answer = ready(timeline_->snapshot());
    answer.progress = timeline_->progress();
    timeline_caught_up_ = timeline_caught_up_ || !timeline_more_;
    // What a live trace brings later is news, not something that is waited for.
    if (!timeline_caught_up_) answer.state = LoadState::loading;
    return answer;
  } catch (...) {
    timeline_wanted_ = false;
    Answer answer = Answer::failure(sentence_of_exception("Reading the timeline of " + path_));
    if (timeline_) answer.value = timeline_->snapshot();  // what came before the damage
    return answer;
  }
}

}  // namespace kvreel::viewer
