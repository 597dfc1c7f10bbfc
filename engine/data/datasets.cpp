// Chooses the loader, fills the template, checks the ids.
#include "engine/data/datasets.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "engine/data/long_sets.h"
#include "engine/data/question_sets.h"
#include "engine/data/record_text.h"

namespace kvreel::engine {
namespace {

bool is_made(DatasetLayout layout) {
  return layout == DatasetLayout::needle || layout == DatasetLayout::ruler;
}

// What stands before each prompt: in a chat the system message is a message of its own.
std::string system_head(const DatasetPreset& preset, const DatasetOptions& options) {
  return options.chat || preset.system.empty() ? "" : preset.system + "\n\n";
}

DatasetRecords load_records(const DatasetSpec& spec, const DatasetPreset& preset,
                            const DatasetOptions& options) {
  switch (preset.layout) {
    case DatasetLayout::gsm8k:
      return load_gsm8k(spec.path);
    case DatasetLayout::gpqa:
      return load_gpqa(spec.path, options.seed);
    case DatasetLayout::theoremqa:
      return load_theoremqa(spec.path);
    case DatasetLayout::truthfulqa:
      return load_truthfulqa(spec.path);
    case DatasetLayout::coqa:
      return load_coqa(spec.path);
    case DatasetLayout::longbench:
      return load_longbench(spec.path, preset.name);
    case DatasetLayout::qmsum:
      return load_qmsum(spec.path);
    case DatasetLayout::trec:
      return spec.path.extension() == ".jsonl" ? load_longbench(spec.path, preset.name)
                                               : load_trec(spec.path);
    case DatasetLayout::hotpotqa:
      return load_hotpotqa(spec.path, options.seed);
    case DatasetLayout::needle:
    case DatasetLayout::ruler: {
      const bool ruler = preset.layout == DatasetLayout::ruler;
      const std::string head = system_head(preset, options);
      const auto count_tokens = [&](std::string_view text) {
        return options.count_tokens(head + std::string(text));
      };
      const HaystackOptions made = parse_haystack_options(spec.options, ruler);
      if (options.positions > 0 && made.context > options.positions) {
        fail("--dataset: context={} is more than the model's {} positions; give context= less.",
             made.context, options.positions);
      }
      return make_haystack(read_text(spec.path), spec.path.string(), ruler, made, preset.format,
                           options.seed, count_tokens);
    }
  }
  fail("The data set '{}' has no loader.", preset.name);
}

void require_different_ids(const std::vector<DatasetRecord>& records) {
  std::set<std::string_view> ids;
  for (const DatasetRecord& record : records) {
    if (!ids.insert(record.id).second) {
      fail("{}: the id '{}' is there already; ids name samples in the trace and must differ.",
           record.origin, record.id);
    }
  }
}

PromptRecord to_prompt(const DatasetRecord& record, const std::string& format,
                       const std::string& head) {
  PromptRecord prompt;
  prompt.id = record.id;
  prompt.text = head + fill_template(format, record.fields, record.origin);
  prompt.answers = record.answers;
  prompt.all_classes = record.all_classes;
  prompt.metadata = short_fields(record.fields, {});
  prompt.origin = record.origin;
  return prompt;
}

}  // namespace

DatasetSpec parse_dataset_spec(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon == text.npos || colon + 1 == text.size()) {
    fail_usage("--dataset '{}' is not NAME:FILE, as in gsm8k:test.jsonl.", text);
  }
  DatasetSpec spec{.name = std::string(text.substr(0, colon)),
                   .path = std::string(text.substr(colon + 1)),
                   .options = {}};
  if (spec.name == "jsonl") return spec;
  if (spec.name == "longbench") spec.name = longbench_name(spec.path);
  const DatasetPreset& preset = find_dataset(spec.name);
  if (is_made(preset.layout)) {
    // A file's name may hold commas: the options are the parts at the end that have an '='.
    std::string path = spec.path.string();
    for (size_t comma = path.rfind(','); comma != std::string::npos; comma = path.rfind(',')) {
      const std::string part = path.substr(comma + 1);
      if (part.find('=') == std::string::npos) break;
      spec.options = spec.options.empty() ? part : fmt::format("{},{}", part, spec.options);
      path.resize(comma);
    }
    spec.path = path;
    parse_haystack_options(spec.options, preset.layout == DatasetLayout::ruler);
  }
  return spec;
}

Dataset load_dataset(const DatasetSpec& spec, const DatasetOptions& options) {
  Dataset dataset{.preset = find_dataset(spec.name)};
  DatasetPreset& preset = dataset.preset;
  if (options.format) preset.format = *options.format;
  if (options.system) preset.system = *options.system;
  const bool longbench = options.lengths == LengthPreset::longbench && preset.longbench_tokens > 0;
  dataset.max_new_tokens = longbench ? preset.longbench_tokens : preset.max_new_tokens;

  const DatasetRecords loaded = load_records(spec, preset, options);
  if (!options.format && !loaded.format.empty()) preset.format = loaded.format;
  dataset.left_out = loaded.left_out;
  dataset.left_out_why = loaded.left_out_why;
  dataset.records = static_cast<int64_t>(loaded.records.size()) + loaded.left_out;
  require_different_ids(loaded.records);

  const auto size = static_cast<int64_t>(loaded.records.size());
  const int64_t begin = std::min(options.offset, size);
  const int64_t end = options.limit > 0 ? std::min(begin + options.limit, size) : size;
  if (begin == end) {
    fail("'{}' holds no records{}.", spec.path.string(),
         options.offset > 0 ? " after --offset" : " that can be asked");
  }
  const std::string head = system_head(preset, options);
  for (int64_t i = begin; i < end; ++i) {
    dataset.prompts.push_back(
        to_prompt(loaded.records[static_cast<size_t>(i)], preset.format, head));
  }
  return dataset;
}

}  // namespace kvreel::engine
