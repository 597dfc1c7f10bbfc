// Collecting what every pass of a run would evict, and its mean.
#include "viewer/model/threshold_means.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "exports/tables/labels.h"
#include "viewer/model/what_if.h"

namespace kvreel::viewer {
namespace {

// Asked for in one frame: enough to keep the loading thread busy until the next, few enough that
// asking again costs a frame nothing.
constexpr size_t kAtOnce = 64;

}  // namespace

// Another run, or more passes of the same one: what is known of a pass stays.
void ThresholdMeans::follow(std::shared_ptr<const Overview> overview, RunRef run) {
  std::unordered_map<int32_t, Entry> before;  // by sample
  if (run == run_) {
    for (Entry& entry : entries_) before.emplace(entry.pass->sample, std::move(entry));
  }
  const std::shared_ptr<const Overview> old = std::exchange(overview_, std::move(overview));
  run_ = run;
  entries_.clear();
  bytes_ = 0;
  full_ = false;
  last_at_.reset();
  const CacheShape shape = cache_shape(*overview_);
  row_bytes_ = 2.0 * shape.head_dim * shape.kv_bytes;
  for (int32_t sample = 0; sample < static_cast<int32_t>(overview_->samples.size()); ++sample) {
    const PassInfo* pass = overview_->pass(run.run, sample);
    if (pass == nullptr || pass->finish == exports::kFinishInterrupted) continue;
    Entry& entry = entries_.emplace_back();
    entry.pass = pass;
    const auto found = before.find(sample);
    if (found == before.end()) continue;
    // Unless the file has become another trace.
    const PassInfo& known = *found->second.pass;
    if (known.rows.row != pass->rows.row || known.start_ns != pass->start_ns) continue;
    entry.known = std::move(found->second.known);
    if (entry.known) bytes_ += entry.known->bytes();
  }
  next_ = 0;
}

void ThresholdMeans::update(Session& session, RunRef run, bool load) {
  auto overview = session.library().overview(run.trace).value;
  if (overview == nullptr) {
    *this = ThresholdMeans(most_bytes_);
    return;
  }
  if (run != run_ || overview != overview_) follow(std::move(overview), run);
  if (!load) return;
  size_t waiting = 0;
  for (size_t i = next_; i < entries_.size() && waiting < kAtOnce; ++i) {
    Entry& entry = entries_[i];
    if (!entry.known && !entry.failed) {
      full_ = full_ || bytes_ >= most_bytes_;
      if (full_) break;
      auto answer = session.library().threshold_steps({run.trace, run.run, entry.pass->sample});
      if (answer) {
        bytes_ += answer->bytes();
        entry.known = std::move(answer.value);
      }
      entry.failed = answer.state == LoadState::failed;
      if (answer.state == LoadState::loading) ++waiting;
    }
    if (waiting == 0) next_ = i + 1;
  }
}

MeanBudget ThresholdMeans::recorded(bool known_alone) const {
  MeanBudget mean;
  double budget = 0;
  double asked = 0;
  for (const Entry& entry : entries_) {
    if (known_alone && !(entry.known && entry.known->known)) continue;
    budget += entry.pass->budget;
    asked += static_cast<double>(entry.pass->prefill_asked);
    ++mean.samples;
  }
  if (mean.samples == 0) return mean;
  mean.budget = budget / static_cast<double>(mean.samples);
  mean.asked = asked / static_cast<double>(mean.samples);
  return mean;
}

MeanBudget ThresholdMeans::recorded() const {
  return recorded(false);
}

MeanBudget ThresholdMeans::recorded_of_known() const {
  return recorded(true);
}

MeanBudget ThresholdMeans::at(double threshold) {
  const auto loaded = static_cast<size_t>(std::count_if(
      entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.known != nullptr; }));
  if (last_at_ == threshold && last_of_ == loaded) return last_;
  MeanBudget mean;
  double budget = 0;
  double rows = 0;
  for (const Entry& entry : entries_) {
    if (!entry.known || !entry.known->known) continue;
    const auto kept = static_cast<double>(entry.known->rows_at(threshold));
    const int64_t full = entry.known->full_rows;
    budget += full > 0 ? kept / static_cast<double>(full) : 1;
    rows += kept;
    ++mean.samples;
  }
  if (mean.samples > 0) {
    mean.budget = budget / static_cast<double>(mean.samples);
    if (row_bytes_ > 0) mean.asked = rows / static_cast<double>(mean.samples) * row_bytes_;
  }
  last_at_ = threshold;
  last_of_ = loaded;
  last_ = mean;
  return mean;
}

std::string ThresholdMeans::left_out() const {
  size_t damaged = 0;
  size_t unknown = 0;
  for (const Entry& entry : entries_) {
    damaged += entry.failed ? 1 : 0;
    unknown += entry.known && !entry.known->known ? 1 : 0;
  }
  std::string sentences;
  const auto add = [&](size_t count, std::string_view what) {
    if (count == 0) return;
    if (!sentences.empty()) sentences += ' ';
    sentences += fmt::format("{} sample{} {}", count, count == 1 ? "" : "s", what);
  };
  add(full_ ? entries_.size() - next_ : 0, "left out: the curves are too large for the memory.");
  add(unknown, "did not record what another threshold evicts.");
  add(damaged, "could not be read.");
  return sentences;
}

}  // namespace kvreel::viewer
