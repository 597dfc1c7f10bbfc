// Blocks of events and their lanes.
#include "viewer/data/timeline_data.h"

namespace kvreel::viewer {

const char* category_name(Category category) {
  constexpr const char* kNames[kCategories] = {"embed",    "qkv", "attend", "decide", "keep",
                                               "attn_out", "ffn", "logits", "other"};
  return kNames[static_cast<size_t>(category)];
}

struct TimelineLoader::Parts {
  std::shared_ptr<const Overview> overview;
};

TimelineLoader::TimelineLoader(std::shared_ptr<const Overview> overview)
    : parts_(std::make_unique<Parts>(Parts{std::move(overview)})) {}
TimelineLoader::~TimelineLoader() = default;
bool TimelineLoader::read_some(const tracer::Trace&) {
  return false;
}
std::shared_ptr<const TimelineData> TimelineLoader::snapshot() const {
  return std::make_shared<TimelineData>();
}
double TimelineLoader::progress() const {
  return 1;
}

}  // namespace kvreel::viewer
