// Names of runs, samples and operations, and the choice of some of them.
#include "exports/tables/labels.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "exports/tables/provenance.h"

namespace kvreel::exports {
namespace {

std::vector<std::string> strings(const tracer::Text& text) {
  std::vector<std::string> out;
  out.reserve(text.rows());
  for (size_t i = 0; i < text.rows(); ++i) out.emplace_back(text.at(i));
  return out;
}

// Known names for a message: a data set's thousands of ids would bury it.
std::string hint(const std::string& name, const std::vector<std::string>& known) {
  constexpr size_t kMost = 20;
  const std::string nearest = nearest_name(name, known);
  if (!nearest.empty() || known.size() <= kMost) return suggest_name(name, known);
  return fmt::format(" There are {}, from '{}' to '{}'.", known.size(), known.front(),
                     known.back());
}

std::optional<size_t> position_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<size_t>(found - names.begin());
}

}  // namespace

Labels::Labels(const tracer::Trace& trace)
    : path_(trace.path()),
      runs_(strings(trace.read_column(&tracer::Runs::name, 0, trace.rows<tracer::Runs>()))),
      samples_(strings(trace.read_column(&tracer::Samples::id, 0, trace.rows<tracer::Samples>()))),
      names_(strings(trace.read_column(&tracer::Names::name, 0, trace.rows<tracer::Names>()))),
      tokens_end_(
          trace.read_column(&tracer::Samples::tokens_end, 0, trace.rows<tracer::Samples>())),
      token_rows_(trace.rows<tracer::Tokens>()) {}

const std::string& Labels::at(const std::vector<std::string>& names, int64_t i,
                              std::string_view table) const {
  if (i < 0 || static_cast<uint64_t>(i) >= names.size()) {
    fail("a row of {} names row {} of table '{}', which has {}; the file is damaged", path_, i,
         table, names.size());
  }
  return names[static_cast<size_t>(i)];
}

const std::string& Labels::run(int32_t run) const {
  return at(runs_, run, "runs");
}
const std::string& Labels::sample(int32_t sample) const {
  return at(samples_, sample, "samples");
}
const std::string& Labels::name(int32_t row) const {
  return at(names_, row, "names");
}

tracer::RowRange Labels::tokens(int32_t sample) const {
  at(samples_, sample, "samples");
  const auto i = static_cast<size_t>(sample);
  const tracer::RowRange rows = {i == 0 ? 0 : tokens_end_[i - 1], tokens_end_[i]};
  if (rows.begin > rows.end || rows.end > token_rows_) {
    fail("sample {} of {} has rows {} to {} of table 'tokens', which has {}; the file is damaged",
         sample, path_, rows.begin, rows.end, token_rows_);
  }
  return rows;
}

size_t find_run(const tracer::Trace& trace, const Labels& labels, const std::string& name) {
  if (const auto found = position_of(labels.runs(), name)) return *found;
  fail_usage("{} has no run '{}'.{}", trace.path(), name, hint(name, labels.runs()));
}

size_t find_sample(const tracer::Trace& trace, const Labels& labels, const std::string& id) {
  if (const auto found = position_of(labels.samples(), id)) return *found;
  size_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  const bool is_number = error == std::errc() && end == id.data() + id.size();
  if (is_number && number < labels.samples().size()) return number;
  fail_usage("{} has no sample '{}'.{}", trace.path(), id, hint(id, labels.samples()));
}

Selection::Selection(const tracer::Trace& trace, const Labels& labels, const Filter& filter)
    : runs_(labels.runs().size(), filter.runs.empty()),
      samples_(labels.samples().size(), filter.samples.empty()),
      layer_(filter.layer),
      first_step_(filter.first_step),
      last_step_(filter.last_step) {
  for (const std::string& name : filter.runs) runs_[find_run(trace, labels, name)] = true;
  for (const std::string& id : filter.samples) samples_[find_sample(trace, labels, id)] = true;
  if (filter.first_step > filter.last_step) {
    fail_usage("Steps {} to {} are none; give the smaller one first.", filter.first_step,
               filter.last_step);
  }
  const std::optional<double> layers = Provenance(trace).positive("/model/layers");
  if (layer_ && (*layer_ < -1 || (layers && *layer_ >= *layers))) {
    fail_usage("{} has no layer {}; the model has layers 0 to {}.", trace.path(), *layer_,
               layers ? fmt::format("{:.0f}", *layers - 1) : std::string("?"));
  }
}

}  // namespace kvreel::exports
