// Prompts and what the trace says about them.
#include "cli/record_prompts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/sha256.h"
#include "engine/data/datasets.h"
#include "scores/metrics.h"

namespace kvreel::cli {
namespace {

using nlohmann::json;

// "\n", "\t" and "\\" in a template typed on a command line.
std::string unescape(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == 'n' || next == 't' || next == '\\') {
      plain += next == 'n' ? '\n' : next == 't' ? '\t' : '\\';
      ++i;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

void check_sources(const RecordOptions& options) {
  const int sources = static_cast<int>(!options.prompts.empty()) +
                      static_cast<int>(!options.prompt_texts.empty()) +
                      static_cast<int>(!options.dataset.empty());
  if (sources != 1) {
    fail_usage("Give prompts with one of --dataset NAME:FILE, --prompts FILE and --prompt TEXT.");
  }
  for (const std::string& metric : options.metrics) scores::require_metric(metric);
}

engine::PrepareOptions prepare_options(const RecordOptions& options) {
  return {.chat = options.chat,
          .system = options.system,
          .max_prompt_tokens = options.max_prompt_tokens,
          .max_new_tokens = options.max_new_tokens,
          .truncation = options.truncate == "middle" ? engine::Truncation::middle
                                                     : engine::Truncation::refuse,
          .metrics = options.metrics};
}

// Metrics compare with something.
void require_answers(const std::vector<engine::PromptRecord>& records,
                     const std::vector<std::string>& metrics) {
  if (metrics.empty()) return;
  const bool classes = std::find(metrics.begin(), metrics.end(), "classification") != metrics.end();
  for (const engine::PromptRecord& record : records) {
    if (record.answers.empty()) {
      fail("{}: scores need a reference answer; name its field with --answer-field.",
           record.origin);
    }
    if (classes && record.all_classes.empty()) {
      fail("{}: the metric 'classification' needs the classes to choose from, in 'all_classes'.",
           record.origin);
    }
  }
}

RecordPrompts read_file(const RecordOptions& options, const std::string& path) {
  RecordPrompts prompts;
  prompts.records = engine::read_prompts(path, {.format = unescape(options.format),
                                                .answer_field = options.answer_field,
                                                .id_field = options.id_field,
                                                .offset = options.offset,
                                                .limit = options.limit});
  require_answers(prompts.records, options.metrics);
  prompts.prepare = prepare_options(options);
  prompts.provenance = {{"path", path}, {"sha256", sha256_file(path)}};
  if (!options.format.empty()) prompts.provenance["template"] = options.format;
  if (!options.metrics.empty()) prompts.provenance["metrics"] = options.metrics;
  return prompts;
}

RecordPrompts read_command_line(const RecordOptions& options) {
  if (!options.metrics.empty()) {
    fail_usage("--metric needs reference answers, which --prompt has not; use --prompts FILE.");
  }
  RecordPrompts prompts;
  for (const std::string& text : options.prompt_texts) {
    prompts.records.push_back(
        engine::prompt_from_text(text, std::to_string(prompts.records.size() + 1)));
  }
  prompts.prepare = prepare_options(options);
  prompts.provenance = json::object();
  return prompts;
}

engine::DatasetOptions dataset_options(const RecordOptions& options, const engine::Model& model) {
  engine::DatasetOptions set{.lengths = options.preset == "longbench"
                                            ? engine::LengthPreset::longbench
                                            : engine::LengthPreset::refreekv,
                             .chat = options.chat,
                             .seed = options.seed,
                             .offset = options.offset,
                             .limit = options.limit};
  if (!options.format.empty()) set.format = unescape(options.format);
  if (options.system_given) set.system = options.system;
  set.positions = model.config.max_positions;
  set.count_tokens = [&model, &options](std::string_view text) {
    if (!model.tokenizer) {
      fail(
          "--dataset {} counts tokens, but '{}' has no tokenizer.json; add it, or use another data "
          "set.",
          options.dataset, model.directory.string());
    }
    return static_cast<int64_t>(model.tokenizer->encode(text, true).size());
  };
  return set;
}

RecordPrompts read_dataset(const RecordOptions& options, const engine::Model& model) {
  if (!options.answer_field.empty() || !options.id_field.empty()) {
    fail_usage("--answer-field and --id-field belong to --prompts; a data set knows its fields.");
  }
  const engine::DatasetSpec spec = engine::parse_dataset_spec(options.dataset);
  engine::Dataset set = engine::load_dataset(spec, dataset_options(options, model));
  const engine::DatasetPreset& preset = set.preset;
  RecordPrompts prompts;
  prompts.records = std::move(set.prompts);
  prompts.prepare = prepare_options(options);
  if (!options.max_new_tokens_given) prompts.prepare.max_new_tokens = set.max_new_tokens;
  if (!options.truncate_given && preset.truncate) {
    prompts.prepare.truncation = engine::Truncation::middle;
  }
  if (options.metrics.empty()) prompts.prepare.metrics = preset.metrics;
  require_answers(prompts.records, prompts.prepare.metrics);
  prompts.prepare.score_first_line = preset.first_line;
  prompts.prepare.system = preset.system;
  prompts.provenance = {{"dataset", spec.name},
                        {"path", spec.path.string()},
                        {"sha256", sha256_file(spec.path)},
                        {"metrics", prompts.prepare.metrics},
                        {"template", preset.format},
                        {"preset", options.preset},
                        {"score_first_line", preset.first_line},
                        {"seed", options.seed},
                        {"excluded", {{"count", set.left_out}, {"of", set.records}}}};
  if (!spec.options.empty()) prompts.provenance["options"] = spec.options;
  if (set.left_out > 0) {
    prompts.provenance["excluded"]["why"] = set.left_out_why;
    prompts.notes.push_back(fmt::format("{} of {} records of '{}' are left out: {}.", set.left_out,
                                        set.records, spec.path.string(), set.left_out_why));
  }
  if (options.chat && !preset.in_chat) {
    prompts.notes.push_back(
        fmt::format("LongBench gives the prompts of {} without a chat template; --chat differs "
                    "from it here.",
                    spec.name));
  }
  return prompts;
}

}  // namespace

RecordPrompts collect_prompts(const RecordOptions& options, const engine::Model& model) {
  constexpr std::string_view kJsonl = "jsonl:";
  check_sources(options);
  RecordPrompts prompts;
  if (options.dataset.starts_with(kJsonl)) {
    prompts = read_file(options, options.dataset.substr(kJsonl.size()));
  } else if (!options.dataset.empty()) {
    prompts = read_dataset(options, model);
  } else if (!options.prompts.empty()) {
    prompts = read_file(options, options.prompts);
  } else {
    prompts = read_command_line(options);
  }
  json& described = prompts.provenance;
  described["count"] = prompts.records.size();
  described["chat"] = options.chat;
  described["truncate"] =
      prompts.prepare.truncation == engine::Truncation::middle ? "middle" : "refuse";
  if (!prompts.prepare.system.empty()) described["system"] = prompts.prepare.system;
  return prompts;
}

std::vector<engine::Sample> prepare_samples(RecordPrompts& prompts, const engine::Model& model) {
  std::vector<engine::Sample> samples;
  int64_t shortened = 0;
  for (const engine::PromptRecord& record : prompts.records) {
    samples.push_back(engine::prepare_sample(record, model, prompts.prepare));
    const engine::Sample& sample = samples.back();
    shortened += sample.original_tokens > static_cast<int64_t>(sample.tokens.size()) ? 1 : 0;
  }
  prompts.provenance["shortened"] = shortened;
  if (shortened > 0) {
    prompts.notes.push_back(fmt::format("{} of {} prompts were too long and lost their middle.",
                                        shortened, samples.size()));
  }
  return samples;
}

std::string list_datasets() {
  std::string text =
      "Data sets, for --dataset NAME:FILE. \"tokens\" are the most new tokens, ReFreeKV's and,\n"
      "where they differ, LongBench's (--preset longbench). docs/datasets.md describes files,\n"
      "prompts, sources and licences.\n\n";
  text += fmt::format("  {:<21}{:<10}{:<17}{}\n", "name", "tokens", "metrics", "what is asked");
  for (const engine::DatasetPreset& preset : engine::dataset_presets()) {
    std::string tokens = std::to_string(preset.max_new_tokens);
    if (preset.longbench_tokens > 0) tokens += fmt::format("/{}", preset.longbench_tokens);
    text += fmt::format("  {:<21}{:<10}{:<17}{}\n", preset.name, tokens,
                        fmt::format("{}", fmt::join(preset.metrics, ",")), preset.title);
  }
  text +=
      "\n  longbench:FILE       the set of LongBench that the file holds"
      "\n  jsonl:FILE           prompts of your own: the same as --prompts FILE, with --template"
      "\n  needle:FILE,context=4096,depths=0%+50%+100%,count=1"
      "\n                       prompts of at most `context` tokens from a text, `count` a depth"
      "\n  ruler:FILE,context=4096,count=10,keys=4,queries=1"
      "\n                       `count` prompts with `keys` facts, of which `queries` are asked for"
      "\n\nMetrics, for --metric NAME,NAME:\n";
  for (const scores::Metric& metric : scores::known_metrics()) {
    text += fmt::format("  {:<21}{}\n", metric.name, metric.meaning);
  }
  return text;
}

}  // namespace kvreel::cli
