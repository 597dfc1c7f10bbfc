// The Chrome timeline writer: whatever names, times and values it is given, the document is JSON
// and has what went in.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.h"
#include "exports/timeline/document.h"

namespace {

using kvreel::exports::Arguments;
using nlohmann::json;

// Takes values off the front of the input; zeros and empty texts at its end.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }

  template <typename T>
  T value() {
    T out{};
    const size_t bytes = std::min(sizeof out, size_);
    if (bytes > 0) std::memcpy(&out, data_, bytes);
    skip(bytes);
    return out;
  }
  std::string text() {
    const size_t length = std::min<size_t>(value<uint8_t>(), size_);
    std::string out(reinterpret_cast<const char*>(data_), length);
    skip(length);
    return out;
  }

 private:
  void skip(size_t bytes) {
    data_ += bytes;
    size_ -= bytes;
  }
  const uint8_t* data_;
  size_t size_;
};

struct Event {
  std::string name;
  int64_t start_ns;
  int64_t duration_ns;
  std::string text;
  double real;
  float narrow;
  uint64_t bytes;
  int16_t layer;
};

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "the timeline does not hold its %s\n", what);
  std::abort();
}

// Microseconds in the document, which are decimals, against nanoseconds. A double holds 15 digits.
bool same_time(const json& microseconds, int64_t ns) {
  const double expected = static_cast<double>(ns) / 1000;
  return std::abs(microseconds.get<double>() - expected) <= std::abs(expected) * 1e-15;
}

void check(const json& found, const Event& event) {
  require(found.at("name") == kvreel::to_utf8_lossy(event.name), "name");
  require(same_time(found.at("ts"), event.start_ns), "start");
  require(same_time(found.at("dur"), event.duration_ns), "duration");
  const json& args = found.at("args");
  require(args.at("text") == kvreel::to_utf8_lossy(event.text), "text");
  require(args.at("bytes") == event.bytes, "bytes");
  require(args.contains("layer") == (event.layer >= 0), "layer");
  require(args.contains("real") == std::isfinite(event.real), "real");
  if (args.contains("real")) require(args.at("real").get<double>() == event.real, "real");
  if (args.contains("narrow")) require(args.at("narrow").get<float>() == event.narrow, "narrow");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  std::ostringstream out;
  const std::string key = input.text();
  const std::string value = input.text();
  const std::string process = input.text();
  kvreel::exports::Document document(out, {{key, value}});
  document.process(1, process);
  const int track = document.track(1, process, 0);
  std::vector<Event> events;
  while (!input.empty()) {
    const Event event{input.text(),
                      input.value<int64_t>(),
                      input.value<int64_t>(),
                      input.text(),
                      input.value<double>(),
                      input.value<float>(),
                      input.value<uint64_t>(),
                      input.value<int16_t>()};
    Arguments arguments;
    arguments.text("text", event.text).real("real", event.real).real("narrow", event.narrow);
    arguments.bytes("bytes", event.bytes).layer(event.layer);
    document.slice("op", kvreel::exports::json_string(event.name), 1, track, event.start_ns,
                   event.duration_ns, arguments);
    document.instant("decision", 1, track, event.start_ns, arguments);
    document.counter("KV cache", 1, event.start_ns, Arguments().bytes("held", event.bytes));
    events.push_back(event);
  }
  document.finish();
  const json parsed = json::parse(out.str());
  require(parsed.at("otherData").at(kvreel::to_utf8_lossy(key)) == kvreel::to_utf8_lossy(value),
          "metadata");
  const json& found = parsed.at("traceEvents");
  constexpr size_t kHead = 4;  // two events each for the process and the track
  require(found.size() == kHead + 3 * events.size(), "number of events");
  require(found[0].at("args").at("name") == kvreel::to_utf8_lossy(process), "process");
  for (size_t i = 0; i < events.size(); ++i) check(found[kHead + 3 * i], events[i]);
  return 0;
}
