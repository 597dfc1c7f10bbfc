// The loading thread, its questions and its answers.
#include "viewer/data/library.h"

namespace kvreel::viewer {

struct Library::Parts {
  std::vector<TraceId> traces;
  std::string path;
};
Library::Library(std::function<void()>, LibraryOptions) : parts_(std::make_unique<Parts>()) {}
Library::~Library() = default;
TraceId Library::open(const std::string&) {
  return {};
}
void Library::close(TraceId) {}
const std::vector<TraceId>& Library::traces() const {
  return parts_->traces;
}
const std::string& Library::path(TraceId) const {
  return parts_->path;
}
bool Library::poll() {
  return false;
}
bool Library::busy() const {
  return false;
}
bool Library::wait_idle(int) {
  return true;
}
Loaded<Overview> Library::overview(TraceId) {
  return {};
}
Loaded<Prompt> Library::prompt(TraceId, int32_t) {
  return {};
}
Loaded<PassDetail> Library::pass(PassKey) {
  return {};
}
Loaded<AttentionNorms> Library::attention(PassKey) {
  return {};
}
Loaded<AttentionRowSet> Library::attention_rows(PassKey, int32_t, int32_t) {
  return {};
}
Loaded<TimelineData> Library::timeline(TraceId) {
  return {};
}
double Library::progress(TraceId) const {
  return 1;
}

}  // namespace kvreel::viewer
