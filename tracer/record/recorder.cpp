// Events into rows.
#include "tracer/record/recorder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/steady_clock.h"
#include "base/text.h"

namespace kvreel::tracer {
namespace {

using nlohmann::json;

// Rows travel in batches: each costs the queue's lock and one HDF5 call per column.
constexpr uint64_t kValuesPerBatch = 1 << 16;
constexpr int64_t kBatchInterval = 50'000'000;  // ns, well below a commit's

std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  const auto since_epoch = now.time_since_epoch();
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count() % 1'000'000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(now)), micros);
}

// The most memory that the process has had resident, in bytes. Not getrusage alone: its figure
// survives exec, and may be the parent's.
uint64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

template <typename To, typename From>
To narrow(From value, std::string_view what) {
  if (!std::in_range<To>(value)) {
    fail("{} {} does not fit into the {} bits that a trace has for it; record less of it", what,
         value, 8 * sizeof(To));
  }
  return static_cast<To>(value);
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string require_json(std::string_view text, bool object, std::string_view what) {
  const json value = json::parse(text, nullptr, false);
  if (value.is_discarded() || (object && !value.is_object())) {
    fail("{} is not {}: '{}'; pass one", what, object ? "a JSON object" : "JSON",
         text.substr(0, 200));
  }
  return std::string(text);
}

std::string with_clock(std::string_view provenance, int64_t origin_steady_ns,
                       const std::string& origin_utc) {
  json object = json::parse(require_json(provenance, true, "the trace's provenance"));
  object["clock"] = {{"source", "std::chrono::steady_clock"},
                     {"origin_steady_ns", origin_steady_ns},
                     {"origin_utc", origin_utc}};
  return dump(object);
}

WriterOptions with_origin(WriterOptions options, int64_t origin_ns) {
  options.origin_ns = origin_ns;
  return options;
}

}  // namespace

Recorder::Clock Recorder::Clock::now() {
  return {kvreel::steady_ns(), utc_now()};
}

// Adds the time of a callback, `weight` times, to what recording costs.
class Recorder::Charge {
 public:
  explicit Charge(Recorder& recorder, int64_t weight = 1)
      : recorder_(recorder), weight_(weight), start_(weight > 0 ? steady_ns() : 0) {}
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  ~Charge() {
    if (weight_ == 0) return;
    const int64_t took = so_far() * weight_;
    recorder_.callback_ns_ += took;
    recorder_.pass_callback_ns_ += took;
  }
  int64_t so_far() const { return steady_ns() - start_; }

 private:
  Recorder& recorder_;
  int64_t weight_;
  int64_t start_;
};

// Adding a row takes less than reading the clock twice, so one row in 16 is timed and counts for
// all. The operations of a layer are fewer than 16 and odd in number, so that none of them is
// always the one.
int64_t Recorder::next_sampling_weight() {
  constexpr uint64_t kOneIn = 16;
  return sampled_rows_++ % kOneIn == 0 ? int64_t{kOneIn} : 0;
}

Recorder::Recorder(const std::string& path, std::string_view provenance,
                   const RecorderOptions& options)
    : Recorder(path, provenance, options, Clock::now()) {}

Recorder::Recorder(const std::string& path, std::string_view provenance,
                   const RecorderOptions& options, const Clock& origin)
    : options_(options),
      origin_(origin),
      writer_(path, with_clock(provenance, origin.steady_ns, origin.utc),
              with_origin(options.writer, origin.steady_ns)),
      last_hand_over_ns_(origin.steady_ns) {
  for (const std::string_view name : engine::kOpNames) pending<Names>().name.push_back(name);
  if (!writer_.warning().empty()) add_note("warning", dump(writer_.warning()));
  hand_over();
}

Recorder::Recorder(const KeptTrace& kept, std::string_view part, const RecorderOptions& options)
    : Recorder(kept, part, options, Clock::now()) {}

// The trace's clock goes on where it stopped: no time falls back, and no empty hours lie between.
Recorder::Recorder(const KeptTrace& kept, std::string_view part, const RecorderOptions& options,
                   const Clock& now)
    : options_(options),
      origin_{now.steady_ns - kept.end_ns, now.utc},
      writer_(kept, with_origin(options.writer, now.steady_ns - kept.end_ns)),
      last_hand_over_ns_(now.steady_ns),
      prompt_tokens_(kept.prompt_tokens),
      pass_rows_(kept.passes),
      callback_ns_(kept.callback_ns),
      inference_ns_(kept.inference_ns),
      earlier_{kept.writer_cpu_ns, kept.queue_high_water, kept.peak_rss, kept.drops} {
  json parts = parse_json_or_discard(kept.continued);
  if (!parts.is_array()) parts = json::array();
  json described = json::parse(require_json(part, true, "what is said of the trace's new part"));
  described["first_pass"] = kept.rows[table_index<Passes>()];
  described["clock"] = {{"time_ns", kept.end_ns}, {"steady_ns", now.steady_ns}, {"utc", now.utc}};
  parts.push_back(std::move(described));
  add_note("continued", dump(parts));
  // A kill may have come before their first commit.
  for (size_t op = kept.rows[table_index<Names>()]; op < engine::kOpNames.size(); ++op)
    pending<Names>().name.push_back(engine::kOpNames[op]);
  if (!writer_.warning().empty()) add_note("warning", dump(writer_.warning()));
  hand_over();
}

Recorder::~Recorder() {
  try {
    hand_over();
  } catch (const std::exception&) {
    // Writing had failed; what was committed stays readable.
  }
}

template <typename Table>
int64_t Recorder::next_row() const {
  return static_cast<int64_t>(writer_.rows<Table>() + row_count(std::get<Table>(pending_)));
}

int32_t Recorder::add_run(std::string_view name, std::string_view policy,
                          std::string_view parameters) {
  const int32_t run = narrow<int32_t>(next_row<Runs>(), "run");
  Runs& rows = pending<Runs>();
  rows.name.push_back(to_utf8_lossy(name));
  rows.policy.push_back(to_utf8_lossy(policy));
  rows.parameters.push_back(
      require_json(parameters, true, fmt::format("the parameters of run '{}'", name)));
  hand_over();
  return run;
}

void Recorder::add_note(std::string_view key, std::string_view value) {
  Notes& rows = pending<Notes>();
  rows.value.push_back(require_json(value, false, fmt::format("the note '{}'", key)));
  rows.key.push_back(to_utf8_lossy(key));
  rows.time_ns.push_back(since_origin(steady_ns()));
}

engine::StatisticsRequest Recorder::prefill_needs() const {
  engine::StatisticsRequest request;
  request.last_rows = std::max<int64_t>(options_.attention_rows, options_.attention_norms ? 1 : 0);
  request.row_norms = options_.attention_norms;
  request.row_entropy = options_.attention_norms;
  return request;
}

engine::StatisticsRequest Recorder::decode_needs() const {
  return options_.decode_attention ? prefill_needs() : engine::StatisticsRequest{};
}

void Recorder::on_sample(const engine::SampleEvent& event) {
  const Charge charge(*this);
  if (event.sample != next_row<Samples>()) {
    fail("sample {} was announced where sample {} is due; announce each once, in order",
         event.sample, next_row<Samples>());
  }
  if (event.pieces.size() != event.tokens.size()) {
    fail("sample {} has {} tokens and {} pieces; give one piece per token", event.sample,
         event.tokens.size(), event.pieces.size());
  }
  prompt_tokens_.push_back(narrow<int32_t>(event.tokens.size(), "number of prompt tokens"));
  Tokens& tokens = pending<Tokens>();
  tokens.id.insert(tokens.id.end(), event.tokens.begin(), event.tokens.end());
  for (const std::string& piece : event.pieces) tokens.piece.push_back(piece);
  Samples& samples = pending<Samples>();
  samples.id.push_back(to_utf8_lossy(event.id));
  samples.text.push_back(to_utf8_lossy(event.text));
  samples.answers.push_back(
      dump(json(std::vector<std::string>(event.answers.begin(), event.answers.end()))));
  samples.metadata.push_back(event.metadata.empty() ? "{}" : event.metadata);
  samples.original_tokens.push_back(narrow<int32_t>(event.original_tokens, "number of tokens"));
  samples.tokens_end.push_back(static_cast<uint64_t>(next_row<Tokens>()));
  hand_over();
}

void Recorder::on_span(const engine::SpanEvent& event) {
  if (!options_.spans) return;
  {
    const Charge charge(*this, next_sampling_weight());
    Spans& rows = pending<Spans>();
    rows.run.push_back(event.at.run);
    rows.sample.push_back(event.at.sample);
    rows.step.push_back(event.at.step);
    rows.layer.push_back(narrow<int16_t>(event.layer, "layer"));
    rows.op.push_back(static_cast<int8_t>(event.op));
    rows.start_ns.push_back(since_origin(event.start_ns));
    rows.duration_ns.push_back(event.end_ns - event.start_ns);
    pending_values_ += 7;
  }
  if (is_due(event.end_ns)) {
    const Charge charge(*this);
    hand_over_when_due(event.end_ns);
  }
}

void Recorder::on_memory(const engine::MemoryEvent& event) {
  const Charge charge(*this);
  Memory& rows = pending<Memory>();
  rows.run.push_back(event.at.run);
  rows.sample.push_back(event.at.sample);
  rows.step.push_back(event.at.step);
  rows.layer.push_back(narrow<int16_t>(event.layer, "layer"));
  rows.cause.push_back(static_cast<int8_t>(event.cause));
  rows.time_ns.push_back(since_origin(event.time_ns));
  rows.asked.push_back(event.cache.asked);
  rows.held.push_back(event.cache.held);
  rows.peak.push_back(event.cache.peak);
  pending_values_ += 9;
  hand_over_when_due(event.time_ns);
}

void Recorder::on_attention(const engine::AttentionEvent& event) {
  // The policy's own needs bring events that were not asked for here.
  if (event.at.step > 0 && !options_.decode_attention) return;
  const Charge charge(*this);
  const int16_t layer = narrow<int16_t>(event.layer, "layer");
  if (options_.attention_norms) {
    Attention& rows = pending<Attention>();
    for (size_t head = 0; head < event.heads.size(); ++head) {
      const engine::HeadNorms& norms = event.heads[head];
      rows.run.push_back(event.at.run);
      rows.sample.push_back(event.at.sample);
      rows.step.push_back(event.at.step);
      rows.layer.push_back(layer);
      rows.head.push_back(narrow<int16_t>(head, "query head"));
      rows.frobenius.push_back(norms.frobenius);
      rows.last_row_norm.push_back(norms.last_row);
      rows.mean_entropy.push_back(norms.mean_entropy);
      rows.last_row_entropy.push_back(norms.last_row_entropy);
      rows.last_row_sinks.push_back(norms.last_row_sinks);
    }
    pending_values_ += 10 * event.heads.size();
  }
  if (options_.attention_rows > 0) {
    const engine::AttentionStatistics& statistics = event.statistics;
    const auto heads = static_cast<size_t>(statistics.q_heads);
    const auto keys = static_cast<size_t>(statistics.keys);
    const auto last_rows = static_cast<size_t>(statistics.last_rows);
    if (last_rows == 0 || statistics.probabilities.size() != heads * last_rows * keys) {
      fail(
          "the attention of layer {} came without the last row's probabilities, which the recorder "
          "asks for",
          event.layer);
    }
    AttentionRows& rows = pending<AttentionRows>();
    const size_t recorded = std::min(last_rows, static_cast<size_t>(options_.attention_rows));
    for (size_t head = 0; head < heads; ++head) {
      for (size_t back = 0; back < recorded; ++back) {
        rows.run.push_back(event.at.run);
        rows.sample.push_back(event.at.sample);
        rows.step.push_back(event.at.step);
        rows.layer.push_back(layer);
        rows.head.push_back(narrow<int16_t>(head, "query head"));
        rows.row.push_back(narrow<int16_t>(back, "query row"));
        const size_t row = (head * last_rows + last_rows - 1 - back) * keys;
        rows.probabilities.push_back(std::span(statistics.probabilities).subspan(row, keys));
      }
    }
    pending_values_ += heads * recorded * (6 + keys);
  }
  hand_over_when_due(steady_ns());
}

void Recorder::on_decision(const engine::DecisionEvent& event) {
  const Charge charge(*this);
  if (event.at.sample != decision_at_.sample) rankings_.clear();
  if (event.at.run != decision_at_.run || event.at.sample != decision_at_.sample ||
      event.at.step != decision_at_.step || event.layer != decision_layer_) {
    curves_.clear();
  }
  decision_at_ = event.at;
  decision_layer_ = event.layer;

  const engine::Decision& decision = event.decision;
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  int64_t ranking = -1;
  int64_t candidates = 0;
  if (decision.ranking) {
    candidates = static_cast<int64_t>(decision.ranking->size());
    const int64_t next = next_row<Rankings>();
    ranking = rankings_.row_of(decision.ranking, decision.scores, next);
    if (ranking == next) {
      pending<Rankings>().positions.push_back(*decision.ranking);
      pending<Rankings>().scores.push_back(decision.scores ? *decision.scores
                                                           : std::vector<float>());
      pending_values_ += decision.ranking->size() + (decision.scores ? decision.scores->size() : 0);
    }
  }
  int64_t curve = -1;
  float distance = kNone;
  float distance_all = kNone;
  if (decision.curve) {
    const int64_t next = next_row<Curves>();
    curve = curves_.row_of(decision.curve, next);
    if (curve == next) {
      pending<Curves>().distance.push_back(decision.curve->distance);
      pending<Curves>().distance_all.push_back(decision.curve->distance_all);
      pending_values_ += 2 * decision.curve->distance.size();
    }
    const auto cut = static_cast<size_t>(std::max<int64_t>(decision.cut, 0));
    if (cut < decision.curve->distance.size()) distance = decision.curve->distance[cut];
    if (cut < decision.curve->distance_all.size()) distance_all = decision.curve->distance_all[cut];
  }

  Decisions& rows = pending<Decisions>();
  rows.run.push_back(event.at.run);
  rows.sample.push_back(event.at.sample);
  rows.step.push_back(event.at.step);
  rows.layer.push_back(narrow<int16_t>(event.layer, "layer"));
  rows.kv_head.push_back(narrow<int16_t>(decision.kv_head, "KV head"));
  rows.reason.push_back(static_cast<int8_t>(decision.reason));
  rows.cached.push_back(narrow<int32_t>(decision.cached, "number of cached positions"));
  int64_t kept = 0;
  std::vector<int32_t> ranges;
  for (const engine::PositionRange& range : decision.kept.ranges()) {
    ranges.push_back(range.begin);
    ranges.push_back(range.end);
    kept += range.end - range.begin;
  }
  rows.kept.push_back(narrow<int32_t>(kept, "number of kept positions"));
  rows.candidates.push_back(narrow<int32_t>(candidates, "number of candidates"));
  rows.cut.push_back(narrow<int32_t>(decision.cut, "cut"));
  rows.halt_position.push_back(decision.halt_position);
  rows.threshold.push_back(decision.threshold);
  rows.base_norm.push_back(decision.curve ? decision.curve->base_norm : engine::Decision::kNone);
  rows.base_norm_all.push_back(decision.curve ? decision.curve->base_norm_all
                                              : engine::Decision::kNone);
  rows.distance.push_back(distance);
  rows.distance_all.push_back(distance_all);
  rows.ranking.push_back(ranking);
  rows.curve.push_back(curve);
  rows.start_ns.push_back(since_origin(event.start_ns));
  rows.duration_ns.push_back(event.end_ns - event.start_ns);
  rows.kept_ranges.push_back(ranges);
  rows.temperature.push_back(decision.temperature);
  pending_values_ += 22 + ranges.size();
  hand_over_when_due(event.end_ns);
}

void Recorder::on_step(const engine::StepEvent& event) {
  const Charge charge(*this);
  Steps& rows = pending<Steps>();
  rows.run.push_back(event.at.run);
  rows.sample.push_back(event.at.sample);
  rows.step.push_back(event.at.step);
  rows.rows.push_back(narrow<int32_t>(event.rows, "number of query rows"));
  rows.token.push_back(event.token);
  rows.piece.push_back(event.piece);
  rows.logprob.push_back(event.logprob);
  rows.start_ns.push_back(since_origin(event.start_ns));
  rows.duration_ns.push_back(event.end_ns - event.start_ns);
  rows.cache_asked.push_back(event.cache.asked);
  rows.cache_held.push_back(event.cache.held);
  pending_values_ += 11;
  hand_over_when_due(event.end_ns);
}

void Recorder::on_fidelity(const engine::FidelityEvent& event) {
  const Charge charge(*this);
  Fidelity& rows = pending<Fidelity>();
  rows.run.push_back(event.at.run);
  rows.sample.push_back(event.at.sample);
  rows.step.push_back(event.at.step);
  rows.token.push_back(event.token);
  rows.kl.push_back(static_cast<float>(event.kl));
  rows.same_top.push_back(event.same_top ? 1 : 0);
  rows.logprob.push_back(static_cast<float>(event.logprob));
  rows.reference_logprob.push_back(static_cast<float>(event.reference_logprob));
  pending_values_ += 8;
}

void Recorder::on_lost_attention(const engine::LostAttentionEvent& event) {
  const Charge charge(*this);
  LostAttention& rows = pending<LostAttention>();
  rows.run.push_back(event.at.run);
  rows.sample.push_back(event.at.sample);
  rows.step.push_back(event.at.step);
  rows.layer.push_back(narrow<int16_t>(event.layer, "layer"));
  rows.mean.push_back(static_cast<float>(event.mean));
  rows.max.push_back(static_cast<float>(event.max));
  pending_values_ += 6;
}

// 1 + the row of the pass whose prefill this one shares, 0: its own.
int64_t Recorder::prefill_pass_of(const engine::PassEvent& event) const {
  if (event.prefill_run < 0) return 0;
  const auto found = pass_rows_.find({event.prefill_run, event.sample});
  if (found == pass_rows_.end()) {
    fail(
        "a pass of run {} shares the prefill of run {}, which has not finished sample {}; the run "
        "that prefills must end first",
        event.run, event.prefill_run, event.sample);
  }
  return found->second + 1;
}

void Recorder::on_pass(const engine::PassEvent& event) {
  const Charge charge(*this);
  if (event.sample < 0 || static_cast<size_t>(event.sample) >= prompt_tokens_.size()) {
    fail("a pass of sample {} ended, and that sample was not announced; announce samples first",
         event.sample);
  }
  for (const engine::Score& score : event.scores) {
    Scores& rows = pending<Scores>();
    rows.run.push_back(event.run);
    rows.sample.push_back(event.sample);
    rows.metric.push_back(score.metric);
    rows.value.push_back(score.value);
  }
  // The pass's rows first, so that its ends count what was accepted of them.
  hand_over();
  Passes rows;
  rows.run.push_back(event.run);
  rows.sample.push_back(event.sample);
  rows.finish.push_back(static_cast<int8_t>(event.finish));
  rows.text.push_back(to_utf8_lossy(event.text));
  rows.prompt_tokens.push_back(prompt_tokens_[static_cast<size_t>(event.sample)]);
  rows.generated.push_back(event.generated);
  rows.exact_match.push_back(narrow<int8_t>(event.exact_match, "exact match"));
  rows.budget.push_back(event.budget);
  rows.start_ns.push_back(since_origin(event.start_ns));
  rows.prefill_ns.push_back(event.prefill_ns);
  rows.decide_ns.push_back(event.decide_ns);
  rows.decode_ns.push_back(event.decode_ns);
  rows.prefill_asked.push_back(event.after_prefill.asked);
  rows.prefill_held.push_back(event.after_prefill.held);
  rows.prefill_peak.push_back(event.after_prefill.peak);
  rows.full_asked.push_back(event.full_after_prefill);
  rows.end_asked.push_back(event.at_end.asked);
  rows.end_held.push_back(event.at_end.held);
  rows.end_peak.push_back(event.at_end.peak);
  rows.process_peak.push_back(peak_resident_bytes());
  rows.steps_end.push_back(writer_.rows<Steps>());
  rows.spans_end.push_back(writer_.rows<Spans>());
  rows.memory_end.push_back(writer_.rows<Memory>());
  rows.attention_end.push_back(writer_.rows<Attention>());
  rows.attention_rows_end.push_back(writer_.rows<AttentionRows>());
  rows.decisions_end.push_back(writer_.rows<Decisions>());
  rows.kernels_end.push_back(writer_.rows<Kernels>());
  rows.prefill_pass.push_back(prefill_pass_of(event));
  rows.fidelity_end.push_back(writer_.rows<Fidelity>());
  rows.lost_attention_end.push_back(writer_.rows<LostAttention>());
  rows.scores_end.push_back(writer_.rows<Scores>());
  pass_rows_[{event.run, event.sample}] = next_row<Passes>();
  // The model's part of a shared prefill was spent once, in the pass that owns it.
  inference_ns_ += (event.prefill_run < 0 ? event.prefill_ns : event.decide_ns) + event.decode_ns;
  rows.recorder_ns.push_back(pass_callback_ns_ + charge.so_far());
  writer_.append(std::move(rows));
  pass_callback_ns_ = 0;
}

void Recorder::hand_over() {
  // Tables are in the order in which rows refer to each other, so that a commit never has one
  // without what it names.
  std::apply([&](auto&... tables) { (writer_.append(std::exchange(tables, {})), ...); }, pending_);
  pending_values_ = 0;
}

bool Recorder::is_due(int64_t now_ns) const {
  return pending_values_ >= kValuesPerBatch || now_ns - last_hand_over_ns_ >= kBatchInterval;
}

void Recorder::hand_over_when_due(int64_t now_ns) {
  if (!is_due(now_ns)) return;
  hand_over();
  last_hand_over_ns_ = now_ns;
}

void Recorder::note_costs(Status status) {
  const WriterCost cost = writer_.cost();
  const double share = inference_ns_ > 0
                           ? static_cast<double>(callback_ns_) / static_cast<double>(inference_ns_)
                           : 0.0;
  add_note("overhead", dump({{"callback_ns", callback_ns_},
                             {"writer_cpu_ns", cost.cpu_ns + earlier_.writer_cpu_ns},
                             {"inference_ns", inference_ns_},
                             {"share", share}}));
  add_note("queue",
           dump({{"high_water_bytes", std::max(cost.queue_high_water, earlier_.queue_high_water)},
                 {"limit_bytes", options_.writer.queue_bytes}}));
  std::map<std::string, uint64_t> dropped = earlier_.drops;
  for (const auto& [table, rows] : writer_.drops()) dropped[table] += rows;
  add_note("drops", dump(json(dropped)));
  add_note("process", dump({{"peak_rss", std::max(peak_resident_bytes(), earlier_.peak_rss)}}));
  add_note("finished", dump({{"status", kStatusNames[static_cast<size_t>(status)]},
                             {"wall_ns", since_origin(steady_ns())},
                             {"ended_utc", utc_now()}}));
}

FinishReport Recorder::finish(Status status) {
  hand_over();
  writer_.commit();
  note_costs(status);
  hand_over();
  return writer_.finish(status);
}

}  // namespace kvreel::tracer
