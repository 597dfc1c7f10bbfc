// A document in the Trace Event Format, written event by event.
#include "exports/timeline/document.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "base/visible_text.h"

namespace kvreel::exports {

std::string json_string(std::string_view bytes) {
  // JSON allows DEL as it is, Perfetto's reader does not: it is among the unseen.
  return unseen_escaped_json(nlohmann::json(to_utf8_lossy(bytes)).dump());
}

std::string microseconds(int64_t ns) {
  // Unsigned, for the least number has no positive counterpart.
  const uint64_t size = ns < 0 ? 0 - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  return fmt::format("{}{}.{:03}", ns < 0 ? "-" : "", size / 1000, size % 1000);
}

Document::Document(std::ostream& out, const Metadata& metadata) : out_(out) {
  out_.set_name("the timeline");
  out_.add("{\"displayTimeUnit\":\"ns\",\n\"otherData\":{");
  for (size_t i = 0; i < metadata.size(); ++i) {
    const auto& [key, value] = metadata[i];
    out_.add((i > 0 ? "," : "") + json_string(key) + ":" + json_string(value));
  }
  out_.add("},\n\"traceEvents\":[");
}

void Document::finish() {
  out_.add("\n]}\n");
  out_.finish();
}

void Document::event(std::string_view members) {
  out_.add(fmt::format("{}{{{}}}", std::exchange(first_, false) ? "\n" : ",\n", members));
}

void Document::process(int pid, std::string_view name) {
  event(fmt::format(R"("ph":"M","name":"process_name","pid":{},"args":{{"name":{}}})", pid,
                    json_string(name)));
  event(fmt::format(R"("ph":"M","name":"process_sort_index","pid":{0},"args":{{"sort_index":{0}}})",
                    pid));
}

int Document::track(int pid, std::string_view name, int order) {
  const int tid = next_tid_++;
  event(fmt::format(R"("ph":"M","name":"thread_name","pid":{},"tid":{},"args":{{"name":{}}})", pid,
                    tid, json_string(name)));
  event(fmt::format(
      R"("ph":"M","name":"thread_sort_index","pid":{},"tid":{},"args":{{"sort_index":{}}})", pid,
      tid, order));
  return tid;
}

void Document::slice(std::string_view category, std::string_view name, int pid, int tid,
                     int64_t start_ns, int64_t duration_ns, const Arguments& arguments) {
  event(fmt::format(R"("ph":"X","cat":"{}","name":{},"pid":{},"tid":{},"ts":{},"dur":{},"args":{})",
                    category, name, pid, tid, microseconds(start_ns), microseconds(duration_ns),
                    arguments.json()));
}

void Document::instant(std::string_view name, int pid, int tid, int64_t time_ns,
                       const Arguments& arguments) {
  event(fmt::format(
      R"("ph":"i","s":"t","cat":"{0}","name":"{0}","pid":{1},"tid":{2},"ts":{3},"args":{4})", name,
      pid, tid, microseconds(time_ns), arguments.json()));
}

void Document::counter(std::string_view name, int pid, int64_t time_ns, const Arguments& values) {
  event(fmt::format(R"("ph":"C","name":"{}","pid":{},"ts":{},"args":{})", name, pid,
                    microseconds(time_ns), values.json()));
}

}  // namespace kvreel::exports
