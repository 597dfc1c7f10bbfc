// kvreel record: a model directory, prompts and policies become a trace.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/visible_text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/provenance.h"
#include "cli/record_options.h"
#include "cli/record_prompts.h"
#include "cli/resume.h"
#include "cli/signals.h"
#include "cli/tally.h"
#include "engine/backend/cpu_backend.h"
#include "engine/generate/experiment.h"
#include "engine/model/file_watch.h"
#include "engine/model/memory_estimate.h"
#include "tracer/record/recorder.h"
#include "tracer/record/recording_guard.h"

namespace kvreel::cli {
namespace {

using nlohmann::json;

kernels::DType parse_dtype(const std::string& name) {
  for (const kernels::DType type : {kernels::DType::bf16, kernels::DType::f16}) {
    if (kernels::name_of(type) == name) return type;
  }
  return kernels::DType::f32;
}

engine::CpuOptions cpu_options(const RecordOptions& options) {
  engine::CpuOptions cpu{.threads = options.threads, .chunk_rows = options.chunk_rows};
  if (options.isa == "auto") return cpu;
  cpu.choose_isa = false;
  std::vector<std::string> available;
  for (const kernels::cpu::Isa isa : kernels::cpu::available_isas()) {
    available.emplace_back(kernels::cpu::name_of(isa));
    if (available.back() == options.isa) {
      cpu.isa = isa;
      return cpu;
    }
  }
  fail("--isa {}: this processor does not have it; it can run {}.", options.isa,
       fmt::join(available, ", "));
}

engine::FileWatch watch_over(const std::vector<engine::ModelFile>& files) {
  std::vector<std::filesystem::path> paths;
  for (const engine::ModelFile& file : files) paths.push_back(file.path);
  return engine::FileWatch(paths);
}

// A model that was written to while it ran is not the one whose hash the trace has.
void note_changes(const engine::FileWatch& watch, tracer::Recorder& recorder) {
  const std::string file = watch.written_to();
  if (file.empty()) return;
  const std::string sentence = fmt::format(
      "'{}' was written to while it was recorded, so that this trace may be of no model at all; "
      "record it anew",
      file);
  print_message(sentence + ".");
  recorder.add_note("warning", json(to_utf8_lossy(sentence)).dump());
}

std::vector<std::string> hash_files(const std::vector<engine::ModelFile>& files,
                                    ProgressLine& progress) {
  uint64_t total = 0;
  for (const engine::ModelFile& file : files) total += file.bytes;
  uint64_t done = 0;
  std::vector<std::string> hashes;
  for (const engine::ModelFile& file : files) {
    hashes.push_back(sha256_file(file.path, [&](size_t bytes) {
      done += bytes;
      progress.preparing("hashing the model's files",
                         static_cast<double>(done) / static_cast<double>(total));
    }));
  }
  return hashes;
}

// Refuses what would fail at the end of an hour's work, before it begins.
void check_output(const RecordOptions& options) {
  const std::filesystem::path path(options.output);
  if (std::filesystem::is_directory(path)) {
    fail("-o '{}' is a directory; name the file, as in -o {}.", options.output,
         (path / "trace.h5").string());
  }
  if (std::filesystem::exists(path) && !options.force) require_resumable(options.output);
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::is_directory(parent)) {
    fail("-o '{}': there is no directory '{}'; create it first.", options.output, parent.string());
  }
}

// Of a recording that nothing is there of.
engine::ExperimentPlan new_plan(const RecordOptions& options) {
  return {.sharing = options.share_prefill == "all"    ? engine::PrefillSharing::all
                     : options.share_prefill == "none" ? engine::PrefillSharing::none
                                                       : engine::PrefillSharing::sweeps,
          .fidelity_steps = options.fidelity ? options.fidelity_steps : 0};
}

engine::WorkloadShape workload(const std::vector<engine::Sample>& samples,
                               const std::vector<engine::Run>& runs, int layers,
                               const RecordOptions& options) {
  engine::WorkloadShape shape{
      .max_new_tokens = options.max_new_tokens,
      .chunk_rows = options.chunk_rows,
      .sharers = engine::most_sharers(new_plan(options), runs),
      .fidelity_steps = options.fidelity ? options.fidelity_steps : 0,
      .statistics = {.last_rows = std::max<int64_t>(options.attention_rows, !options.no_norms),
                     .row_norms = !options.no_norms,
                     .row_entropy = !options.no_norms},
      .cache_dtype = parse_dtype(options.kv_dtype)};
  for (const engine::Sample& sample : samples) {
    shape.longest_prompt =
        std::max(shape.longest_prompt, static_cast<int64_t>(sample.tokens.size()));
  }
  // Runs that share a prefill ask for the union; that of all runs is little more.
  for (const engine::Run& run : runs) {
    for (int layer = 0; layer < layers; ++layer) {
      shape.statistics = shape.statistics.merged(run.policy->needs(
          {.layer = layer, .layers = layers, .prompt_tokens = shape.longest_prompt}));
    }
  }
  return shape;
}

json describe_engine(const RecordOptions& options, const engine::Backend& backend,
                     const engine::GenerateOptions& generate) {
  return {{"backend", backend.name()},
          {"description", backend.description()},
          {"isa", backend.description().substr(0, backend.description().find(','))},
          {"timing", "host clock around each operation"},
          {"kv_dtype", options.kv_dtype},
          {"page_rows", options.page_rows},
          {"chunk_rows", options.chunk_rows},
          {"max_new_tokens", options.max_new_tokens},
          {"stop_ids", generate.stop_ids},
          {"sampling",
           {{"temperature", options.temperature},
            {"top_k", options.top_k},
            {"top_p", options.top_p},
            {"seed", options.seed}}}};
}

std::vector<int32_t> stop_ids(const RecordOptions& options, const engine::Model& model) {
  return options.ignore_eos ? std::vector<int32_t>{} : model.config.eos_ids;
}

// What of a pass is recorded.
json describe_recording(const tracer::RecorderOptions& recording, const RecordOptions& options) {
  return {{"spans", recording.spans},
          {"attention_norms", recording.attention_norms},
          {"attention_rows", recording.attention_rows},
          {"decode_attention", recording.decode_attention},
          {"share_prefill", options.share_prefill},
          {"fidelity_steps", options.fidelity ? options.fidelity_steps : 0}};
}

tracer::RecorderOptions recorder_options(const RecordOptions& options) {
  tracer::RecorderOptions recording{.spans = !options.no_spans,
                                    .attention_norms = !options.no_norms,
                                    .attention_rows = options.attention_rows,
                                    .decode_attention = options.decode_norms};
  recording.writer.overwrite = options.force;
  recording.writer.shard_bytes = options.shard_bytes;
  recording.writer.queue_bytes = options.queue_bytes;
  recording.writer.commit_interval = std::chrono::milliseconds(options.commit_interval_ms);
  return recording;
}

// What is there of this recording already: nothing, or with --force nothing that counts.
std::optional<Resumption> resumption(const RecordOptions& options,
                                     std::span<const engine::Sample> samples,
                                     std::span<const engine::Run> runs) {
  // A link that leads nowhere is there, too, and the recorder refuses it.
  if (options.force || !std::filesystem::exists(options.output)) return std::nullopt;
  return find_resumption(options.output, samples, runs);
}

// Facts of this part of a resumed recording; what must be the same in all parts is not among them.
json describe_part(const json& provenance) {
  json part = provenance;
  for (const char* same : {"engine", "model", "recording"}) part.erase(same);
  part["started_utc"] = part["created_utc"];
  part.erase("created_utc");
  return part;
}

std::unique_ptr<tracer::Recorder> start_recorder(const RecordOptions& options,
                                                 const json& provenance,
                                                 std::span<const engine::Run> runs,
                                                 const std::optional<Resumption>& resumed) {
  const json said = resumed ? describe_part(provenance) : provenance;
  const std::string text = said.dump(-1, ' ', false, json::error_handler_t::replace);
  auto recorder =
      resumed ? std::make_unique<tracer::Recorder>(resumed->kept, text, recorder_options(options))
              : std::make_unique<tracer::Recorder>(options.output, text, recorder_options(options));
  const size_t there =
      resumed ? resumed->kept.rows[tracer::table_index<tracer::Runs>()] : size_t{0};
  for (const engine::Run& run : runs.subspan(there)) {
    recorder->add_run(run.spec.text, run.spec.name, parameters_of(*run.policy).dump());
  }
  if (!recorder->writer().warning().empty()) {
    print_message(recorder->writer().warning());
  }
  return recorder;
}

// Says that there is something already, before the rest is recorded.
void print_resumption(const RecordOptions& options, const Resumption& resumed) {
  if (options.quiet) return;
  const size_t done = resumed.kept.passes.size();
  if (resumed.complete) {
    fmt::print("{} is complete: all {} passes are there. Nothing to do.\n",
               visible_line(options.output), resumed.passes);
  } else {
    fmt::print(stderr, "kvreel: resuming {}: {} of {} passes are there.\n",
               visible_line(options.output), done, resumed.passes);
  }
}

engine::ExperimentPlan plan_of(const RecordOptions& options,
                               const std::optional<Resumption>& resumed) {
  engine::ExperimentPlan plan = new_plan(options);
  if (resumed) {
    plan.done = [&there = *resumed](int32_t run, int32_t sample) {
      return there.is_done(run, sample);
    };
    plan.announced_samples = static_cast<int32_t>(resumed->kept.prompt_tokens.size());
  }
  return plan;
}

void print_result(const RecordOptions& options, const tracer::FinishReport& report,
                  const tracer::Recorder& recorder, bool interrupted) {
  if (!report.warning.empty()) print_message(report.warning);
  for (const auto& [table, rows] : recorder.writer().drops()) {
    fmt::print(stderr, "kvreel: {} rows of '{}' were dropped: the disk did not keep up.\n", rows,
               table);
  }
  if (options.quiet) return;
  const std::string output = visible_line(options.output);
  fmt::print("{} {} ({}). Next: kvreel compare {}{}\n",
             interrupted ? "Interrupted; finished" : "Wrote", output,
             format_bytes(report.file_bytes), output,
             interrupted ? "; the same command resumes the recording" : "");
}

int record(RecordOptions options, const std::vector<std::string>& command) {
  const std::atomic<bool>& stop = stop_on_signals();
  explain_shortened_files();
  const std::string started = utc_now();
  check_output(options);
  const std::vector<std::string> specs =
      options.policies.empty() ? std::vector<std::string>{"full", "refreekv"} : options.policies;
  const std::vector<engine::Run> runs = engine::make_runs(specs);
  engine::check_plan(new_plan(options), runs);
  const engine::LoadOptions load{.dummy_weights = options.load_format == "dummy",
                                 .seed = options.seed};
  engine::CpuOptions cpu = cpu_options(options);

  // Without its weights the model is small: prompts and memory are checked before the large files
  // are touched.
  engine::Model model = engine::open_model(options.model);
  for (const engine::Run& run : runs) run.policy->check(model.config);
  RecordPrompts prompts = collect_prompts(options, model);
  options.max_new_tokens = prompts.prepare.max_new_tokens;
  const std::vector<engine::Sample> samples = prepare_samples(prompts, model);
  if (!options.quiet) {
    for (const std::string& note : prompts.notes) fmt::print("{}\n", visible_line(note));
  }
  const std::optional<Resumption> resumed = resumption(options, samples, runs);
  const engine::WorkloadShape shape = workload(samples, runs, model.config.layers, options);
  if (!options.ignore_memory) {
    engine::require_memory(engine::estimate_memory(model.config, shape),
                           engine::available_memory());
  }
  engine::load_model_weights(model, load);

  ProgressLine progress(options.quiet);
  const std::vector<engine::ModelFile> files =
      engine::model_files(options.model, !load.dummy_weights);
  const engine::FileWatch watch = watch_over(files);
  const std::vector<std::string> hashes =
      options.no_hash ? std::vector<std::string>{} : hash_files(files, progress);
  engine::CpuBackend backend(model.config, model.weights, cpu);
  const engine::GenerateOptions generate{.max_new_tokens = options.max_new_tokens,
                                         .stop_ids = stop_ids(options, model),
                                         .sampling = {.temperature = options.temperature,
                                                      .top_k = options.top_k,
                                                      .top_p = options.top_p,
                                                      .seed = options.seed},
                                         .cache_dtype = shape.cache_dtype,
                                         .page_rows = options.page_rows};

  json provenance = {{"kvreel", describe_program()},
                     {"command", command},
                     {"created_utc", started},
                     {"machine", describe_machine()},
                     {"engine", describe_engine(options, backend, generate)},
                     {"model", describe_model(model, load, files, hashes)},
                     {"prompts", prompts.provenance},
                     {"recording", describe_recording(recorder_options(options), options)}};
  progress.clear();
  if (resumed) {
    require_same_settings(*resumed, provenance);
    print_resumption(options, *resumed);
    if (resumed->complete) return 0;
  }
  if (!options.no_bandwidth) {
    provenance["machine"]["read_bandwidth"] = measure_bandwidth(backend.threads());
  }
  std::unique_ptr<tracer::Recorder> recorder = start_recorder(options, provenance, runs, resumed);
  explain_shortened_files_beside(options.output);

  const engine::Tokenizer* tokenizer = model.tokenizer ? &*model.tokenizer : nullptr;
  tracer::RecordingGuard guard(*recorder, [&](const std::string& what) {
    progress.clear();
    print_message(fmt::format("{}; recording ends here, the run goes on", what));
  });
  const bool run_on = options.on_record_error == "continue";
  engine::Observer& observer = run_on ? static_cast<engine::Observer&>(guard) : *recorder;
  const bool finished = engine::run_experiment(
      model.config, backend, tokenizer, samples, runs, generate, observer, stop,
      [&](const engine::Progress& now) { progress.update(now); }, plan_of(options, resumed));
  tracer::FinishReport report;
  const auto finish = [&] {
    progress.clear();
    note_changes(watch, *recorder);
    report = recorder->finish(finished ? tracer::Status::complete : tracer::Status::interrupted);
  };
  if (run_on) {
    guard.attempt(finish);
  } else {
    finish();
  }
  progress.clear();
  if (guard.failed()) {
    recorder.reset();
    fmt::print("Of the passes of this run, recorded or not:\n{}", tally_text(runs, guard.tally()));
    std::fflush(stdout);
    print_message(rest_of_trace(options.output) + ".");
    return 1;
  }
  print_result(options, report, *recorder, !finished);
  return finished ? 0 : 128 + received_signal();
}

}  // namespace

Command add_record(CLI::App& program, int argc, char** argv) {
  CLI::App* app = program.add_subcommand(
      "record", "Run a model over prompts under each policy and record a trace");
  const auto options = std::make_shared<RecordOptions>();
  add_record_options(*app, *options);
  return {app, [options, command = std::vector<std::string>(argv, argv + argc)] {
            return record(*options, command);
          }};
}

}  // namespace kvreel::cli
