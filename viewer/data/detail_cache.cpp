// Answers about details: bounded, the least recently asked for go first.
#include "viewer/data/detail_cache.h"

#include <utility>

namespace kvreel::viewer {

void DetailCache::next_frame() {
  ++frame_;
  trim();
}

const Answer* DetailCache::find(const Question& question) {
  const auto found = entries_.find(question);
  if (found == entries_.end()) return nullptr;
  Entry& entry = found->second;
  entry.frame = frame_;
  by_age_.splice(by_age_.end(), by_age_, entry.age);
  return &entry.answer;
}

void DetailCache::expect(const Question& question) {
  const auto [at, is_new] = entries_.try_emplace(question);
  if (!is_new) return;
  at->second.frame = frame_;
  at->second.age = by_age_.insert(by_age_.end(), question);
  ++waiting_;
}

void DetailCache::answer(const Question& question, Answer answer) {
  const auto found = entries_.find(question);
  if (found == entries_.end()) return;
  Answer& known = found->second.answer;
  if (known.state == LoadState::loading) --waiting_;
  bytes_ -= known.bytes;
  known = std::move(answer);
  bytes_ += known.bytes;
  trim();
}

DetailCache::Entries::iterator DetailCache::erase(Entries::iterator entry) {
  const Answer& answer = entry->second.answer;
  if (answer.state == LoadState::loading) --waiting_;
  bytes_ -= answer.bytes;
  by_age_.erase(entry->second.age);
  return entries_.erase(entry);
}

template <typename Unwanted>
void DetailCache::forget_if(Unwanted&& unwanted) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    entry = unwanted(entry->first, entry->second.answer) ? erase(entry) : std::next(entry);
  }
}

void DetailCache::forget(TraceId trace) {
  forget_if([&](const Question& question, const Answer&) { return question.concerns(trace); });
}

void DetailCache::forget_failures(TraceId trace) {
  forget_if([&](const Question& question, const Answer& answer) {
    return question.topic != Topic::figure && question.concerns(trace) &&
           answer.state == LoadState::failed;
  });
}

void DetailCache::trim() {
  auto age = by_age_.begin();
  while (bytes_ > most_bytes_ && age != by_age_.end()) {
    const auto entry = entries_.find(*age++);
    if (entry->second.frame + 1 >= frame_) return;  // so are all that follow
    if (entry->second.answer.state != LoadState::loading) erase(entry);
  }
}

}  // namespace kvreel::viewer
