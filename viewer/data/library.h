// The traces that are open. One thread of its own uses HDF5; the others ask, and get what is there.
//
// Every question returns at once. Where the answer is not in memory yet its state is `loading`, the
// question is queued, and `wake` is called (from the loading thread) when there is news; ask again
// after poll(). What was asked for in the latest frame (the time between two polls) is answered
// first: the user moves on, and what is on the screen is asked for again in every frame.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "viewer/data/figure_request.h"
#include "viewer/data/outputs.h"
#include "viewer/data/threshold_steps.h"
#include "viewer/data/timeline_data.h"
#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

enum class LoadState : uint8_t { loading, ready, failed };

template <typename T>
struct Loaded {
  LoadState state = LoadState::loading;
  std::shared_ptr<const T> value;  // null unless ready; a timeline may grow while it is loading
  // A sentence for people: of a failure; of an overview that is ready, why its trace brings nothing
  // more (it was removed or replaced while it was shown).
  std::string error;
  explicit operator bool() const { return value != nullptr; }
  const T* operator->() const { return value.get(); }
};

struct PassKey {
  TraceId trace;
  int32_t run = 0;
  int32_t sample = 0;  // of that trace
  auto operator<=>(const PassKey&) const = default;
};

struct LibraryOptions {
  // Of details; the least recently asked for go first, but never what was asked for in this frame
  // or the one before.
  uint64_t cache_bytes = 1u << 30;
  int64_t refresh_ms = 250;  // how often a live trace is looked at
};

class Library {
 public:
  explicit Library(std::function<void()> wake, LibraryOptions options = {});
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  // Begins to open a trace; one that is open already keeps its id, and is read anew where its file
  // has become another or it could not be opened. A killed trace opens, too.
  TraceId open(const std::string& path);
  void close(TraceId trace);
  // In the order in which they were opened.
  const std::vector<TraceId>& traces() const;
  const std::string& path(TraceId trace) const;

  // Takes over what the loading thread has finished; true where anything has changed. Once a frame.
  bool poll();
  // Whether anything that was asked for is still on its way. A live trace alone does not count.
  bool busy() const;
  // Waits until nothing is, for tests and screenshots. False after `timeout_ms`.
  bool wait_idle(int timeout_ms);
  // Waits until poll() would take something over, for at most so long.
  void wait_for_news(int timeout_ms);

  Loaded<Overview> overview(TraceId trace);
  Loaded<Prompt> prompt(TraceId trace, int32_t sample);
  Loaded<PassDetail> pass(PassKey key);
  // What other thresholds of the run would leave of the pass.
  Loaded<ThresholdSteps> threshold_steps(PassKey key);
  Loaded<AttentionNorms> attention(PassKey key);
  Loaded<AttentionRowSet> attention_rows(PassKey key, int32_t step, int32_t layer);
  // What all finished passes generated. Of a live trace that has grown, loading again.
  Loaded<Outputs> outputs(TraceId trace);
  // Spans, kernels and memory of a whole trace. Grows while it loads.
  Loaded<TimelineData> timeline(TraceId trace);
  // A figure of traces, or the sentence why they cannot be drawn as it. When one of them grows it
  // is made anew, at most once a second; the one before is shown until then.
  Loaded<plot::Figure> figure(const FigureRequest& request);
  // The same for who only wants to know whether it can be drawn: what is there is good enough.
  Loaded<plot::Figure> figure_known(const FigureRequest& request);
  // 0..1 of what is being loaded of a trace, for a progress bar.
  double progress(TraceId trace) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kvreel::viewer
