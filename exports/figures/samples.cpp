// Which passes a figure counts.
#include "exports/figures/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include "base/error.h"
#include "exports/tables/groups.h"
#include "exports/tables/metrics.h"
#include "exports/tables/provenance.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

std::string file_name(const FigureTrace& trace) {
  return std::filesystem::path(trace.source.trace.path()).filename().string();
}

// What makes two models the same, and what to call one in a message.
struct ModelIdentity {
  std::string name;
  std::vector<std::string> hashes;  // of its files, sorted
  std::string shape;
};

ModelIdentity model_of(const FigureTrace& trace) {
  const Provenance provenance(trace.source.trace);
  ModelIdentity model;
  model.name =
      std::filesystem::path(provenance.text("/model/directory")).lexically_normal().string();
  const nlohmann::json& files = provenance.at("/model/files");
  if (files.is_array()) {
    for (const nlohmann::json& file : files) {
      if (!file.is_object()) continue;
      const auto hash = file.find("sha256");
      if (hash != file.end() && hash->is_string()) model.hashes.push_back(hash->get<std::string>());
    }
  }
  std::sort(model.hashes.begin(), model.hashes.end());
  for (const char* key : {"/model/family", "/model/layers", "/model/q_heads", "/model/kv_heads",
                          "/model/head_dim", "/model/parameters", "/model/stored_dtype"})
    model.shape += provenance.at(key).dump() + " ";
  return model;
}

bool same_model(const ModelIdentity& a, const ModelIdentity& b) {
  if (!a.hashes.empty() && !b.hashes.empty()) return a.hashes == b.hashes;
  return a.shape == b.shape && a.name == b.name;
}

void require_one_model(const FigureSource& source) {
  const FigureTrace& first = *source.traces.front();
  const ModelIdentity model = model_of(first);
  for (const auto& other : source.traces) {
    const ModelIdentity theirs = model_of(*other);
    if (same_model(model, theirs)) continue;
    const bool alike = model.name == theirs.name;
    fail(
        "'{}' is of model {} and '{}' of {}: runs of different models cannot be compared point by "
        "point; draw a figure of each, or one of the threshold figures, where every trace has "
        "series of its own",
        file_name(first), model.name.empty() ? "(not named)" : model.name, file_name(*other),
        alike ? "other files of the same name" : theirs.name);
  }
}

struct Prompts {
  t::Text text;
  t::Text answers;
  std::string sha256;
  std::unordered_map<std::string_view, int32_t> row;  // by id
  int64_t selected = 0;
};

Prompts prompts_of(const FigureTrace& trace) {
  const uint64_t rows = trace.source.trace.rows<t::Samples>();
  Prompts prompts;
  prompts.text = trace.source.trace.read_column(&t::Samples::text, 0, rows);
  prompts.answers = trace.source.trace.read_column(&t::Samples::answers, 0, rows);
  prompts.sha256 = Provenance(trace.source.trace).text("/prompts/sha256");
  const std::vector<std::string>& ids = trace.source.labels.samples();
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!trace.source.selection.sample(static_cast<int32_t>(i))) continue;
    ++prompts.selected;
    prompts.row.emplace(ids[i], static_cast<int32_t>(i));
  }
  return prompts;
}

// "35 prompts of prompts.jsonl"
std::string describe(const FigureTrace& trace, const Prompts& prompts) {
  const std::string file =
      std::filesystem::path(Provenance(trace.source.trace).text("/prompts/path"))
          .filename()
          .string();
  return fmt::format("{} prompts{}", prompts.selected, file.empty() ? "" : " of " + file);
}

// Rows of `other` for every sample of `first` that it has, -1 for those that it has not. Throws
// Error where the two cannot be compared.
std::vector<int32_t> match(const FigureTrace& first, const Prompts& mine, const FigureTrace& other,
                           const Prompts& theirs) {
  const std::vector<std::string>& ids = first.source.labels.samples();
  std::vector<int32_t> rows(ids.size(), -1);
  int64_t shared = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto found = theirs.row.find(ids[i]);
    if (found == theirs.row.end() || !first.source.selection.sample(static_cast<int32_t>(i)))
      continue;
    const auto row = static_cast<size_t>(found->second);
    const bool same_text = mine.text.at(i) == theirs.text.at(row);
    if (!same_text || mine.answers.at(i) != theirs.answers.at(row)) {
      fail(
          "'{}' has {} and '{}' {}: sample '{}' has {} in the two, so that their runs cannot be "
          "compared; record both with the same prompts, template and truncation",
          file_name(first), describe(first, mine), file_name(other), describe(other, theirs),
          ids[i], same_text ? "other answers" : "another text");
    }
    rows[i] = found->second;
    ++shared;
  }
  const bool same_file = !mine.sha256.empty() && mine.sha256 == theirs.sha256;
  const bool same_samples = shared == mine.selected && shared == theirs.selected;
  if (shared == 0 || !(same_samples || same_file)) {
    fail(
        "'{}' has {} and '{}' {}, of which they share {}, so that their runs cannot be compared; "
        "record both with the same prompts, or choose samples that both have with --sample",
        file_name(first), describe(first, mine), file_name(other), describe(other, theirs), shared);
  }
  return rows;
}

[[noreturn]] void fail_unfinished(const std::string& where, std::span<const FigureRun> runs,
                                  bool is_live) {
  std::string names;
  for (const FigureRun& run : runs) names += (names.empty() ? "'" : ", '") + run.name + "'";
  fail("no sample of {} was finished by all of {}; {}", where, names,
       is_live ? "wait until each has finished one"
               : "choose runs that have one in common with "
                 "--run");
}

}  // namespace

WholePasses::WholePasses(const FigureTrace& trace, std::string_view metric) : trace_(trace) {
  const Source& source = trace.source;
  const auto read = [&](auto member) {
    return source.trace.read_column(member, 0, source.passes.size());
  };
  prompt_tokens = read(&t::Passes::prompt_tokens);
  budget = read(&t::Passes::budget);
  if (!metric.empty()) {
    score = MetricScores(source.trace).of(metric);
    score.resize(source.passes.size(), plot::kNone);
  }
  prefill_held = read(&t::Passes::prefill_held);
  decisions_end_ = read(&t::Passes::decisions_end);
  for (size_t pass = 0; pass < source.passes.size(); ++pass) {
    source.labels.run(source.passes.run[pass]);  // a damaged row is an error, not a pass of no run
    source.labels.sample(source.passes.sample[pass]);
    if (!source.passes.interrupted(pass))
      rows_.emplace(std::pair(source.passes.run[pass], source.passes.sample[pass]), pass);
  }
}

std::optional<size_t> WholePasses::find(int32_t run, int32_t sample) const {
  const auto found = rows_.find({run, sample});
  return found == rows_.end() ? std::nullopt : std::optional(found->second);
}

tracer::RowRange WholePasses::decisions(size_t pass) const {
  return trace_.source.passes.rows(decisions_end_, pass);
}

SampleSet finished_samples(const FigureTrace& trace, const WholePasses& passes,
                           std::span<const FigureRun> runs) {
  SampleSet set;
  const auto samples = static_cast<int32_t>(trace.source.labels.samples().size());
  for (int32_t sample = 0; sample < samples; ++sample) {
    if (!trace.source.selection.sample(sample)) continue;
    const bool finished = std::all_of(runs.begin(), runs.end(), [&](const FigureRun& run) {
      return passes.find(run.run, sample).has_value();
    });
    if (finished) {
      set.samples.push_back(sample);
    } else {
      ++set.left_out;
    }
  }
  if (set.samples.empty())
    fail_unfinished(trace.source.trace.path(), runs, trace.source.trace.is_live());
  return set;
}

SharedSamples shared_samples(const FigureSource& source, std::span<const WholePasses> passes,
                             std::span<const FigureRun> runs) {
  require_one_model(source);
  const size_t traces = source.traces.size();
  const FigureTrace& first = *source.traces.front();
  std::vector<Prompts> prompts;
  for (const auto& trace : source.traces) prompts.push_back(prompts_of(*trace));
  std::vector<std::vector<int32_t>> rows;  // [trace][sample of the first]
  for (size_t i = 0; i < traces; ++i)
    rows.push_back(match(first, prompts[0], *source.traces[i], prompts[i]));

  SharedSamples shared;
  shared.samples.resize(traces);
  for (size_t sample = 0; sample < rows[0].size(); ++sample) {
    bool counts = true;
    for (size_t i = 0; i < traces; ++i) counts = counts && rows[i][sample] >= 0;
    for (const FigureRun& run : runs) {
      for (size_t i = 0; i < traces && counts; ++i) {
        if (source.traces[i].get() == run.trace)
          counts = passes[i].find(run.run, rows[i][sample]).has_value();
      }
    }
    if (!counts) continue;
    for (size_t i = 0; i < traces; ++i) shared.samples[i].push_back(rows[i][sample]);
  }
  if (shared.samples[0].empty()) {
    const bool is_live = std::any_of(source.traces.begin(), source.traces.end(),
                                     [](auto& trace) { return trace->source.trace.is_live(); });
    fail_unfinished(source.several() ? std::string("the traces") : first.source.trace.path(), runs,
                    is_live);
  }
  int64_t most = 0;
  for (const Prompts& of_trace : prompts) most = std::max(most, of_trace.selected);
  shared.left_out = most - static_cast<int64_t>(shared.samples[0].size());
  return shared;
}

std::vector<SampleGroup> group_samples(const FigureSource& source, const FigureTrace& trace,
                                       std::span<const int32_t> samples) {
  std::vector<SampleGroup> groups;
  if (source.options.by.empty()) {
    groups.push_back({});
    for (size_t i = 0; i < samples.size(); ++i) groups[0].members.push_back(i);
    return groups;
  }
  const std::vector<std::string> values = sample_groups(trace.source.trace, source.options.by);
  for (size_t i = 0; i < samples.size(); ++i) {
    const std::string name = plot::escape_markup(values[static_cast<size_t>(samples[i])]);
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const SampleGroup& other) { return other.name == name; });
    if (group == groups.end()) group = groups.insert(groups.end(), {.name = name, .members = {}});
    group->members.push_back(i);
  }
  return groups;
}

std::vector<int32_t> chosen(std::span<const int32_t> samples, std::span<const size_t> members) {
  std::vector<int32_t> rows;
  for (const size_t i : members) rows.push_back(samples[i]);
  return rows;
}

void SampleCounts::add(const FigureTrace& trace, const SampleGroup& group) {
  std::string name = source_.several() ? plot::escape_markup(trace.label) : std::string();
  if (!name.empty() && !group.name.empty()) name += ", ";
  counts_.emplace_back(name + group.name, static_cast<int64_t>(group.members.size()));
}

std::vector<std::string> SampleCounts::remarks() const {
  std::vector<std::string> remarks;
  const bool equal = std::all_of(counts_.begin(), counts_.end(), [&](const auto& count) {
    return count.second == counts_.front().second;
  });
  if (equal && !counts_.empty()) {
    remarks.push_back(fmt::format("n = {} samples{}.", counts_.front().second,
                                  counts_.size() > 1 ? " each" : ""));
  } else if (!counts_.empty()) {
    std::string list;
    for (const auto& [name, n] : counts_)
      list += fmt::format("{}{} ({})", list.empty() ? "" : ", ", n, name);
    remarks.push_back(fmt::format("n = {} samples.", list));
  }
  if (left_out_ > 0) {
    const bool one = left_out_ == 1;
    remarks.push_back(fmt::format("{} {} left out: not every run has finished {}.", left_out_,
                                  one ? "sample is" : "samples are", one ? "it" : "them"));
  }
  return remarks;
}

}  // namespace kvreel::exports
