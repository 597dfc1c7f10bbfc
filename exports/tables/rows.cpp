// Ways through the rows of a trace: passes that are wanted, blocks of rows, texts of positions.
#include "exports/tables/rows.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "exports/tables/provenance.h"

namespace kvreel::exports {

using tracer::Passes;
using tracer::RowRange;
using tracer::Steps;
using tracer::Tokens;
using tracer::Trace;

PassList::PassList(const Trace& trace)
    : path(trace.path()),
      run(trace.read_column(&Passes::run, 0, trace.rows<Passes>())),
      sample(trace.read_column(&Passes::sample, 0, trace.rows<Passes>())),
      finish(trace.read_column(&Passes::finish, 0, trace.rows<Passes>())),
      prefill_pass_(trace.read_column(&Passes::prefill_pass, 0, trace.rows<Passes>())),
      shares_(prefill_pass_.size(), false) {
  for (size_t pass = 0; pass < size(); ++pass) {
    const int64_t owner = prefill_pass_[pass] - 1;
    if (owner < 0) continue;
    shares_[pass] = true;
    if (static_cast<uint64_t>(owner) < size()) shares_[static_cast<size_t>(owner)] = true;
  }
}

RowRange PassList::rows(const std::vector<uint64_t>& ends, size_t pass) const {
  const RowRange rows = {pass == 0 ? 0 : ends[pass - 1], ends[pass]};
  if (rows.begin > rows.end) {
    fail("pass {} of {} ends before it begins, with rows {} to {}; the file is damaged", pass, path,
         rows.begin, rows.end);
  }
  return rows;
}

size_t PassList::prefill_owner(size_t pass) const {
  const int64_t owner = prefill_pass_[pass] - 1;
  if (owner < 0) return pass;
  if (static_cast<uint64_t>(owner) >= size()) {
    fail(
        "pass {} of {} shares the prefill of row {} of table 'passes', which has {}; the file is "
        "damaged",
        pass, path, owner, size());
  }
  return static_cast<size_t>(owner);
}

Source::Source(const Trace& the_trace, const Filter& the_filter)
    : trace(the_trace),
      filter(the_filter),
      labels(trace),
      selection(trace, labels, filter),
      passes(trace) {}

std::optional<std::string> PieceReader::at(int32_t run, int32_t sample, int64_t position) {
  if (sample != sample_) {
    const RowRange rows = labels_.tokens(sample);
    prompt_ = trace_.read_column(&Tokens::piece, rows.begin, rows.end);
  }
  if (sample != sample_ || run != run_) has_generated_ = false;
  sample_ = sample;
  run_ = run;
  if (position < 0) return std::nullopt;
  auto i = static_cast<size_t>(position);
  if (i < prompt_.rows()) return std::string(prompt_.at(i));
  i -= prompt_.rows();
  if (!has_generated_) {
    const std::optional<tracer::PassRows> pass = trace_.pass(run, sample);
    const RowRange steps = pass ? pass->steps : trace_.unfinished().steps;
    generated_ = trace_.read_column(&Steps::piece, steps.begin, steps.end);
    has_generated_ = true;
  }
  if (i < generated_.rows()) return std::string(generated_.at(i));
  return std::nullopt;
}

std::string ranges_text(const int32_t* pairs, size_t numbers) {
  std::string out;
  for (size_t i = 0; i + 1 < numbers; i += 2) {
    const int64_t first = pairs[i];
    const int64_t last = int64_t{pairs[i + 1]} - 1;
    if (!out.empty()) out += ' ';
    out += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  return out;
}

std::string ranges_text(std::vector<int32_t> positions) {
  std::sort(positions.begin(), positions.end());
  std::string out;
  for (size_t i = 0; i < positions.size();) {
    size_t end = i + 1;
    while (end < positions.size() && int64_t{positions[end]} - positions[end - 1] <= 1) ++end;
    const int32_t first = positions[i];
    const int32_t last = positions[end - 1];
    if (!out.empty()) out += ' ';
    out += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
    i = end;
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> metadata_of(const Source& source, bool hash) {
  const Provenance provenance(source.trace);
  std::vector<std::pair<std::string, std::string>> metadata;
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) metadata.emplace_back(key, value);
  };
  add("trace", std::filesystem::path(source.trace.path()).filename().string());
  if (hash) add("sha256", trace_sha256(source.trace));
  add("status", status_word(source.trace));
  add("recorded", provenance.text("/created_utc"));
  add("kvreel", provenance.kvreel());
  add("model", std::filesystem::path(provenance.text("/model/directory")).filename().string());
  add("machine", provenance.text("/machine/cpu"));
  std::string runs;
  for (size_t run = 0; run < source.labels.runs().size(); ++run) {
    if (!source.selection.run(static_cast<int32_t>(run))) continue;
    runs += (runs.empty() ? "" : ", ") + source.labels.runs()[run];
  }
  add("runs", runs);
  size_t samples = 0;
  for (size_t sample = 0; sample < source.labels.samples().size(); ++sample) {
    samples += source.selection.sample(static_cast<int32_t>(sample));
  }
  add("samples", fmt::format("{}", samples));
  add("passes finished", fmt::format("{}", source.passes.size()));
  size_t shared = 0;
  for (size_t pass = 0; pass < source.passes.size(); ++pass)
    shared += source.passes.shares_prefill(pass);
  if (shared > 0) {
    add("prefill",
        fmt::format("shared between runs in {} passes, whose times of step 0 are not end to end",
                    shared));
  }
  add("prompts", std::filesystem::path(provenance.text("/prompts/path")).filename().string());
  add("prompts sha256", provenance.text("/prompts/sha256"));
  return metadata;
}

}  // namespace kvreel::exports
