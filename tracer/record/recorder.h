// The observer that records: turns the engine's events into rows of a trace.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/observer.h"
#include "tracer/format/kept_trace.h"
#include "tracer/record/ranking_store.h"
#include "tracer/record/trace_writer.h"

namespace kvreel::tracer {

struct RecorderOptions {
  bool spans = true;            // time of every operation
  bool attention_norms = true;  // norms of every query head's attention
  int64_t attention_rows =
      0;  // probabilities of so many last query rows: keys floats per head each
  bool decode_attention = false;  // norms and rows of the decode steps too, not of prefill alone
  WriterOptions writer{};         // its origin_ns is set by the recorder
};

class Recorder : public engine::Observer {
 public:
  // Creates the trace. `provenance` is a JSON object, to which the recorder adds "clock". Throws
  // Error where it is not, and where the file cannot be created.
  Recorder(const std::string& path, std::string_view provenance,
           const RecorderOptions& options = {});
  // Goes on with a trace: events continue its rows, and its times. `part` says how this part is
  // recorded, a JSON object like provenance; it goes into the note "continued". Throws Error, and
  // leaves the trace alone, where it cannot be gone on with.
  Recorder(const KeptTrace& kept, std::string_view part, const RecorderOptions& options = {});
  // Without finish(): what was recorded is written, and the trace keeps the status `recording`.
  ~Recorder() override;

  // Registers a run and returns its number, as events name it. `parameters` is a JSON object.
  int32_t add_run(std::string_view name, std::string_view policy, std::string_view parameters);
  // Records a fact, `value` being JSON. The last of a key counts.
  void add_note(std::string_view key, std::string_view value);

  engine::StatisticsRequest prefill_needs() const override;
  engine::StatisticsRequest decode_needs() const override;
  bool wants_spans() const override { return options_.spans; }

  // Each throws Error once writing has failed, with the file and the cause.
  void on_sample(const engine::SampleEvent& event) override;
  void on_span(const engine::SpanEvent& event) override;
  void on_memory(const engine::MemoryEvent& event) override;
  void on_attention(const engine::AttentionEvent& event) override;
  void on_decision(const engine::DecisionEvent& event) override;
  void on_step(const engine::StepEvent& event) override;
  void on_fidelity(const engine::FidelityEvent& event) override;
  void on_lost_attention(const engine::LostAttentionEvent& event) override;
  void on_pass(const engine::PassEvent& event) override;

  // Notes what recording cost and dropped, and finishes the trace. Throws Error where writing
  // failed.
  [[nodiscard]] FinishReport finish(Status status);

  const TraceWriter& writer() const { return writer_; }
  // Time that the callbacks took of the thread that runs the model, in all parts of a resumed
  // trace; that of adding spans is an estimate.
  int64_t callback_ns() const { return callback_ns_; }

 private:
  struct Clock {
    int64_t steady_ns = 0;
    std::string utc;
    static Clock now();
  };
  class Charge;

  Recorder(const std::string& path, std::string_view provenance, const RecorderOptions& options,
           const Clock& origin);
  Recorder(const KeptTrace& kept, std::string_view part, const RecorderOptions& options,
           const Clock& now);
  int64_t since_origin(int64_t steady_ns) const { return steady_ns - origin_.steady_ns; }
  template <typename Table>
  Table& pending() {
    return std::get<Table>(pending_);
  }
  template <typename Table>
  int64_t next_row() const;
  int64_t prefill_pass_of(const engine::PassEvent& event) const;
  void hand_over();
  bool is_due(int64_t now_ns) const;
  void hand_over_when_due(int64_t now_ns);
  int64_t next_sampling_weight();
  void note_costs(Status status);

  RecorderOptions options_;
  Clock origin_;
  TraceWriter writer_;
  Tables pending_;  // rows not handed over yet
  uint64_t pending_values_ = 0;
  int64_t last_hand_over_ns_ = 0;
  RankingStore rankings_;
  CurveStore curves_;
  std::vector<int32_t> prompt_tokens_;                        // by sample
  std::map<std::pair<int32_t, int32_t>, int64_t> pass_rows_;  // (run, sample) -> row of passes
  engine::StepId decision_at_;
  int32_t decision_layer_ = -1;
  uint64_t sampled_rows_ = 0;
  int64_t callback_ns_ = 0;
  int64_t pass_callback_ns_ = 0;
  int64_t inference_ns_ = 0;
  // What earlier recordings of a resumed trace have cost.
  struct Earlier {
    int64_t writer_cpu_ns = 0;
    uint64_t queue_high_water = 0;
    uint64_t peak_rss = 0;
    std::map<std::string, uint64_t> drops;
  } earlier_;
};

}  // namespace kvreel::tracer
