// An Overview out of a trace, reading no table with many rows.
#include "viewer/data/read_overview.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "exports/tables/info.h"
#include "exports/tables/labels.h"
#include "exports/tables/metrics.h"
#include "exports/tables/provenance.h"

namespace kvreel::viewer {
namespace {

using tracer::Passes;
using tracer::RowRange;
using tracer::Trace;

// A part that cannot be read costs that part, and a warning.
template <typename Read>
void read_part(Overview& overview, Read&& read) {
  try {
    read();
  } catch (...) {
    overview.warnings.push_back(sentence_of_exception("Reading a part of " + overview.path));
  }
}

// A value of a JSON object as a person writes it: text bare, everything else as JSON.
std::string plain(const nlohmann::json& value) {
  if (value.is_string()) return to_utf8_lossy(value.get<std::string>());
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// False where the text is no JSON object.
bool read_fields(std::string_view text, std::map<std::string, std::string>& fields) {
  const nlohmann::json object = parse_json_or_discard(text);
  if (!object.is_object()) return false;
  for (const auto& item : object.items()) fields[to_utf8_lossy(item.key())] = plain(item.value());
  return true;
}

// False where the text is no JSON array of strings.
bool read_strings(std::string_view text, std::vector<std::string>& strings) {
  const nlohmann::json array = parse_json_or_discard(text);
  if (!array.is_array()) return false;
  for (const nlohmann::json& value : array) {
    if (!value.is_string()) return false;
    strings.push_back(to_utf8_lossy(value.get<std::string>()));
  }
  return true;
}

void read_runs(const Trace& trace, Overview& overview) {
  const auto rows = trace.read<tracer::Runs>(0, trace.rows<tracer::Runs>());
  for (size_t i = 0; i < rows.name.rows(); ++i) {
    RunInfo run;
    run.name = to_utf8_lossy(rows.name.at(i));
    run.policy = to_utf8_lossy(rows.policy.at(i));
    if (!read_fields(rows.parameters.at(i), run.parameters)) {
      overview.warnings.push_back(
          fmt::format("The parameters of run '{}' are not a JSON object.", run.name));
    }
    overview.runs.push_back(std::move(run));
  }
}

void read_samples(const Trace& trace, Overview& overview) {
  using tracer::Samples;
  const uint64_t count = trace.rows<Samples>();
  const auto ids = trace.read_column(&Samples::id, 0, count);
  const auto answers = trace.read_column(&Samples::answers, 0, count);
  const auto metadata = trace.read_column(&Samples::metadata, 0, count);
  const auto original = trace.read_column(&Samples::original_tokens, 0, count);
  const auto ends = trace.read_column(&Samples::tokens_end, 0, count);
  const uint64_t tokens = trace.rows<tracer::Tokens>();
  size_t damaged = 0;
  uint64_t begin = 0;
  for (size_t i = 0; i < count; ++i) {
    SampleInfo sample;
    sample.id = to_utf8_lossy(ids.at(i));
    const bool sound = read_strings(answers.at(i), sample.answers) &
                       static_cast<int>(read_fields(metadata.at(i), sample.metadata));
    damaged += !sound;
    sample.original_tokens = original[i];
    if (ends[i] < begin || ends[i] > tokens || ends[i] - begin > INT32_MAX) {
      fail(
          "sample '{}' of {} has rows {} to {} of table 'tokens', which has {}; the file is "
          "damaged",
          sample.id, trace.path(), begin, ends[i], tokens);
    }
    sample.tokens = static_cast<int32_t>(ends[i] - begin);
    begin = ends[i];
    overview.samples.push_back(std::move(sample));
  }
  if (damaged > 0) {
    overview.warnings.push_back(
        fmt::format("The answers or metadata of {} of {} samples are not the JSON that they should "
                    "be; these samples are shown without them.",
                    damaged, count));
  }
}

void read_names(const Trace& trace, Overview& overview) {
  const auto names = trace.read_column(&tracer::Names::name, 0, trace.rows<tracer::Names>());
  for (size_t i = 0; i < names.rows(); ++i) {
    overview.names.push_back(to_utf8_lossy(names.at(i)));
  }
}

// Where each pass ends in a table, made into ranges; a pass whose end falls or lies beyond the
// table has none.
class Ends {
 public:
  Ends(const Trace& trace, std::vector<uint64_t> Passes::*ends, uint64_t rows)
      : ends_(trace.read_column(ends, 0, trace.rows<Passes>())), rows_(rows) {}
  bool sound(size_t pass) const { return begin(pass) <= ends_[pass] && ends_[pass] <= rows_; }
  RowRange range(size_t pass) const { return {begin(pass), ends_[pass]}; }

 private:
  uint64_t begin(size_t pass) const { return pass == 0 ? 0 : ends_[pass - 1]; }
  std::vector<uint64_t> ends_;
  uint64_t rows_;
};

void read_passes(const Trace& trace, Overview& overview) {
  const uint64_t count = trace.rows<Passes>();
  const auto column = [&](auto member) { return trace.read_column(member, 0, count); };
  const auto run = column(&Passes::run);
  const auto sample = column(&Passes::sample);
  const auto finish = column(&Passes::finish);
  const auto prompt_tokens = column(&Passes::prompt_tokens);
  const auto generated = column(&Passes::generated);
  const auto exact_match = column(&Passes::exact_match);
  const auto budget = column(&Passes::budget);
  const auto start_ns = column(&Passes::start_ns);
  const auto prefill_ns = column(&Passes::prefill_ns);
  const auto decide_ns = column(&Passes::decide_ns);
  const auto decode_ns = column(&Passes::decode_ns);
  const auto prefill_asked = column(&Passes::prefill_asked);
  const auto prefill_held = column(&Passes::prefill_held);
  const auto prefill_peak = column(&Passes::prefill_peak);
  const auto full_asked = column(&Passes::full_asked);
  const auto end_held = column(&Passes::end_held);
  const auto end_peak = column(&Passes::end_peak);
  const Ends steps(trace, &Passes::steps_end, trace.rows<tracer::Steps>());
  const Ends spans(trace, &Passes::spans_end, trace.rows<tracer::Spans>());
  const Ends memory(trace, &Passes::memory_end, trace.rows<tracer::Memory>());
  const Ends attention(trace, &Passes::attention_end, trace.rows<tracer::Attention>());
  const Ends attention_rows(trace, &Passes::attention_rows_end,
                            trace.rows<tracer::AttentionRows>());
  const Ends decisions(trace, &Passes::decisions_end, trace.rows<tracer::Decisions>());
  const Ends kernels(trace, &Passes::kernels_end, trace.rows<tracer::Kernels>());

  const auto prefill_pass = column(&Passes::prefill_pass);
  std::unordered_set<uint64_t> owners;  // of shared prefills
  for (const int64_t owner : prefill_pass) {
    if (owner > 0) owners.insert(static_cast<uint64_t>(owner - 1));
  }
  // The attention of a prefill that another run made is that run's; an owner that is not of this
  // sample is damage, and leaves the pass without.
  const auto read_owner = [&](PassInfo& pass, uint64_t owner) {
    if (owner >= count || sample[owner] != pass.sample || !attention.sound(owner) ||
        !attention_rows.sound(owner) || run[owner] < 0 ||
        static_cast<size_t>(run[owner]) >= overview.runs.size()) {
      return;
    }
    pass.prefill_run = run[owner];
    pass.prefill_attention = attention.range(owner);
    pass.prefill_attention_rows = attention_rows.range(owner);
  };

  // Whatever indexes by a run, a sample, a token or a step later may rely on these.
  const auto sound = [&](size_t i) {
    return run[i] >= 0 && static_cast<size_t>(run[i]) < overview.runs.size() && sample[i] >= 0 &&
           static_cast<size_t>(sample[i]) < overview.samples.size() &&
           prompt_tokens[i] == overview.samples[static_cast<size_t>(sample[i])].tokens &&
           generated[i] >= 0 && steps.sound(i) && spans.sound(i) && memory.sound(i) &&
           attention.sound(i) && attention_rows.sound(i) && decisions.sound(i) &&
           kernels.sound(i) && static_cast<uint64_t>(generated[i]) <= steps.range(i).count();
  };
  constexpr size_t kMostPairs = size_t{1} << 28;  // far more than passes that anybody records
  if (!overview.runs.empty() && overview.samples.size() > kMostPairs / overview.runs.size()) {
    fail("{} has {} runs of {} samples, more than can be shown", trace.path(), overview.runs.size(),
         overview.samples.size());
  }
  overview.pass_index.assign(overview.runs.size() * overview.samples.size(), -1);
  size_t damaged = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!sound(i)) {
      ++damaged;
      continue;
    }
    int32_t& at = overview.pass_index[static_cast<size_t>(run[i]) * overview.samples.size() +
                                      static_cast<size_t>(sample[i])];
    if (at >= 0) continue;  // the first counts, as for the reader
    at = static_cast<int32_t>(overview.passes.size());
    PassInfo pass;
    pass.rows = {i,
                 run[i],
                 sample[i],
                 steps.range(i),
                 spans.range(i),
                 memory.range(i),
                 attention.range(i),
                 attention_rows.range(i),
                 decisions.range(i),
                 kernels.range(i)};
    pass.run = run[i];
    pass.sample = sample[i];
    pass.finish = finish[i];
    pass.exact_match = exact_match[i];
    if (prefill_pass[i] > 0) read_owner(pass, static_cast<uint64_t>(prefill_pass[i] - 1));
    pass.shared_prefill = prefill_pass[i] > 0 || owners.contains(i);
    pass.prompt_tokens = prompt_tokens[i];
    pass.generated = generated[i];
    pass.budget = budget[i];
    pass.start_ns = start_ns[i];
    pass.prefill_ns = prefill_ns[i];
    pass.decide_ns = decide_ns[i];
    pass.decode_ns = decode_ns[i];
    pass.prefill_asked = prefill_asked[i];
    pass.prefill_held = prefill_held[i];
    pass.prefill_peak = prefill_peak[i];
    pass.full_asked = full_asked[i];
    pass.end_held = end_held[i];
    pass.end_peak = end_peak[i];
    overview.passes.push_back(pass);
  }
  if (damaged > 0) {
    overview.warnings.push_back(fmt::format(
        "{} of {} passes contradict other tables and are left out; the file is damaged.", damaged,
        count));
  }
}

// Scores by metric, of passes that read_passes() took.
void read_scores(const Trace& trace, Overview& overview) {
  const exports::MetricScores scores(trace);
  for (const std::string& metric : scores.names())
    overview.metrics.push_back(to_utf8_lossy(metric));
  for (PassInfo& pass : overview.passes) {
    for (const std::string& metric : scores.names())
      pass.scores.push_back(scores.of(metric)[pass.rows.row]);
  }
}

// A whole number above 0 that a model can have, 0 where the trace does not say.
int count_at(const exports::Provenance& provenance, const char* pointer, Overview& overview) {
  constexpr double kMost = 1 << 20;
  const std::optional<double> value = provenance.positive(pointer);
  if (!value) return 0;
  if (*value > kMost || *value != std::floor(*value)) {
    overview.warnings.push_back(
        fmt::format("The trace says that {} is {}, which no model has.", pointer + 1, *value));
    return 0;
  }
  return static_cast<int>(*value);
}

// "demo-model (llama)": the directory's name, or its parent's where it is just called "model".
std::string model_name(const exports::Provenance& provenance) {
  const std::filesystem::path directory = to_utf8_lossy(provenance.text("/model/directory"));
  std::filesystem::path name = directory.filename();
  if (name.empty()) name = directory.parent_path().filename();
  if (name == "model" && directory.has_parent_path()) name = directory.parent_path().filename();
  const std::string family = to_utf8_lossy(provenance.text("/model/family"));
  if (name.empty()) return family;
  return family.empty() ? name.string() : fmt::format("{} ({})", name.string(), family);
}

int bytes_of_type(const std::string& type) {
  if (type == "f32") return 4;
  if (type == "f16" || type == "bf16") return 2;
  return 0;
}

void read_provenance(const Trace& trace, Overview& overview) {
  const exports::Provenance provenance(trace);
  overview.model = model_name(provenance);
  overview.layers = count_at(provenance, "/model/layers", overview);
  overview.query_heads = count_at(provenance, "/model/q_heads", overview);
  overview.kv_heads = count_at(provenance, "/model/kv_heads", overview);
  overview.head_dim = count_at(provenance, "/model/head_dim", overview);
  overview.page_rows = count_at(provenance, "/engine/page_rows", overview);
  overview.kv_bytes = bytes_of_type(provenance.text("/engine/kv_dtype"));
  overview.vocabulary = count_at(provenance, "/model/vocab_size", overview);
  const nlohmann::json& files = provenance.at("/model/files");
  for (size_t i = 0; files.is_array() && i < files.size(); ++i) {
    const std::string file = fmt::format("/model/files/{}", i);
    if (provenance.text((file + "/name").c_str()) == "tokenizer.json") {
      overview.tokenizer = to_utf8_lossy(provenance.text((file + "/sha256").c_str()));
    }
  }
}

void warn_of_status(Overview& overview) {
  const std::string& status = overview.status;
  std::string warning;
  if (status == "killed") {
    warning =
        "The recorder was killed: the trace ends with the last rows that it had committed. `kvreel "
        "recover` makes a finished file of it.";
  } else if (status == "recording") {
    warning = "The trace is still being recorded; what is shown follows it.";
  } else if (status == "interrupted") {
    warning = "The recording was interrupted before its end.";
  } else if (status == "recovered") {
    warning = "The trace was recovered from one whose recorder was killed; its end is missing.";
  } else if (status == "unfinished") {
    warning = "The recorder stopped without finishing the trace; its end may be missing.";
  }
  if (!warning.empty()) overview.warnings.push_back(std::move(warning));
}

void read_notes(const Trace& trace, Overview& overview) {
  const auto notes = trace.notes();
  if (const auto found = notes.find("warning"); found != notes.end()) {
    const nlohmann::json warning = parse_json_or_discard(found->second);
    overview.warnings.push_back(warning.is_string() ? to_utf8_lossy(warning.get<std::string>())
                                                    : to_utf8_lossy(found->second));
  }
  if (const auto found = notes.find("drops"); found != notes.end()) {
    const nlohmann::json drops = parse_json_or_discard(found->second);
    if (!drops.is_object()) return;
    for (const auto& item : drops.items()) {
      if (!item.value().is_number_unsigned() || item.value().get<uint64_t>() == 0) continue;
      overview.warnings.push_back(
          fmt::format("{} rows of table '{}' were dropped because the recorder's queue was full: "
                      "sums over them "
                      "are too small.",
                      item.value().get<uint64_t>(), to_utf8_lossy(item.key())));
    }
  }
}

}  // namespace

std::string sentence_of_exception(const std::string& doing) {
  try {
    throw;
  } catch (const Error& error) {
    return to_utf8_lossy(error.what());
  } catch (const std::bad_alloc&) {
    return doing + " takes more memory than there is.";
  } catch (const std::exception& error) {
    return to_utf8_lossy(fmt::format("{} failed: {}.", doing, error.what()));
  }
}

std::shared_ptr<Overview> read_overview(const Trace& trace) {
  auto overview = std::make_shared<Overview>();
  overview->path = trace.path();
  overview->file = to_utf8_lossy(std::filesystem::path(trace.path()).filename().string());
  overview->status = exports::status_word(trace);
  overview->live = trace.is_live();
  overview->killed = trace.was_killed();
  std::error_code error;
  for (const std::string& file : trace.files()) {
    const uintmax_t size = std::filesystem::file_size(file, error);
    overview->file_bytes += error ? 0 : size;
  }
  overview->spans = trace.rows<tracer::Spans>();
  overview->kernels = trace.rows<tracer::Kernels>();
  overview->attention_rows = trace.rows<tracer::AttentionRows>();

  warn_of_status(*overview);
  if (!trace.warning().empty()) overview->warnings.push_back(trace.warning() + ".");
  read_part(*overview, [&] { read_notes(trace, *overview); });
  read_part(*overview, [&] { read_provenance(trace, *overview); });
  read_part(*overview, [&] { read_runs(trace, *overview); });
  read_part(*overview, [&] { read_names(trace, *overview); });
  read_part(*overview, [&] { read_samples(trace, *overview); });
  read_part(*overview, [&] { read_passes(trace, *overview); });
  read_part(*overview, [&] { read_scores(trace, *overview); });
  read_part(*overview, [&] { overview->facts = exports::render_info_text(trace); });
  return overview;
}

void add_comparison(const Trace& trace, Overview& overview) {
  const bool any =
      std::any_of(overview.passes.begin(), overview.passes.end(),
                  [](const PassInfo& pass) { return pass.finish != exports::kFinishInterrupted; });
  if (!any) return;
  try {
    overview.comparison = std::make_shared<const exports::Comparison>(exports::compare(trace));
  } catch (...) {
    overview.warnings.push_back("The runs could not be compared: " +
                                sentence_of_exception("Comparing the runs"));
  }
}

}  // namespace kvreel::viewer
