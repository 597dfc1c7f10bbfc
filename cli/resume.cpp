// Compares a trace with a recording, from what is cheapest to what is longest.
#include "cli/resume.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "tracer/read/resume.h"
#include "tracer/read/trace.h"

namespace kvreel::cli {
namespace {

using nlohmann::json;

// What may differ from one part of a recording to the next: where files lie, how many prompts a
// file has, and what follows from that.
const std::set<std::string_view> kMayDiffer = {
    "/model/directory",   "/model/weight_bytes", "/model/weight_bytes_per_token",
    "/engine/timing",     "/engine/description", "/prompts/path",
    "/prompts/sha256",    "/prompts/count",      "/prompts/excluded",
    "/prompts/shortened",
};

// Where a setting is said on the command line.
constexpr std::pair<std::string_view, std::string_view> kOptions[] = {
    {"/engine/kv_dtype", "--kv-dtype"},
    {"/engine/page_rows", "--page-rows"},
    {"/engine/chunk_rows", "--chunk-rows"},
    {"/engine/isa", "--isa"},
    {"/engine/max_new_tokens", "--max-new-tokens"},
    {"/engine/stop_ids", "--ignore-eos"},
    {"/engine/sampling/temperature", "--temperature"},
    {"/engine/sampling/top_k", "--top-k"},
    {"/engine/sampling/top_p", "--top-p"},
    {"/engine/sampling/seed", "--seed"},
    {"/prompts/dataset", "--dataset"},
    {"/prompts/metrics", "--metric"},
    {"/prompts/template", "--template"},
    {"/prompts/system", "--system"},
    {"/prompts/chat", "--chat"},
    {"/prompts/truncate", "--truncate"},
    {"/prompts/preset", "--preset"},
    {"/recording/spans", "--no-spans"},
    {"/recording/attention_norms", "--no-norms"},
    {"/recording/decode_attention", "--decode-norms"},
    {"/recording/attention_rows", "--attention-rows"},
    {"/recording/share_prefill", "--share-prefill"},
    {"/recording/fidelity_steps", "--fidelity, --fidelity-steps"},
};

constexpr std::string_view kRemedy = "name another file, or replace it with --force";

std::string short_text(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

// The first place in which two values differ, as a JSON pointer; "" where there is none.
std::string first_difference(const json& then, const json& now, const std::string& at) {
  if (kMayDiffer.contains(at)) return "";
  if (then.is_object() && now.is_object()) {
    std::set<std::string> keys;
    for (const auto& [key, value] : then.items()) keys.insert(key);
    for (const auto& [key, value] : now.items()) keys.insert(key);
    for (const std::string& key : keys) {
      const json absent;
      const std::string found =
          first_difference(then.contains(key) ? then[key] : absent,
                           now.contains(key) ? now[key] : absent, at + "/" + key);
      if (!found.empty()) return found;
    }
    return "";
  }
  if (then.is_array() && now.is_array() && then.size() == now.size()) {
    for (size_t i = 0; i < then.size(); ++i) {
      const std::string found = first_difference(then[i], now[i], at + "/" + std::to_string(i));
      if (!found.empty()) return found;
    }
    return "";
  }
  return then == now ? "" : at;
}

json value_at(const json& object, const std::string& pointer) {
  const json::json_pointer at(pointer);
  return object.contains(at) ? object.at(at) : json();
}

[[noreturn]] void fail_settings(const std::string& path, const std::string& pointer,
                                const json& then, const json& now) {
  std::string name = pointer.substr(1);
  const auto* const option = std::ranges::find_if(kOptions, [&](const auto& known) {
    return pointer == known.first || pointer.starts_with(fmt::format("{}/", known.first));
  });
  if (option != std::end(kOptions)) name += fmt::format(" ({})", option->second);
  fail(
      "'{}' cannot be resumed: it was recorded with {} = {}, and here it is {}; give the same, {}.",
      path, name, short_text(then), short_text(now), kRemedy);
}

// Files by hash, or by size where neither side has hashes.
void compare_model_files(const std::string& path, const json& then, const json& now) {
  const json& theirs = value_at(then, "/model/files");
  const json& ours = value_at(now, "/model/files");
  const auto differ = [&](const std::string& what) {
    fail("'{}' cannot be resumed: it was recorded with another model, {}; give the same, {}.", path,
         what, kRemedy);
  };
  const size_t files = std::min(theirs.size(), ours.size());
  for (size_t i = 0; i < files; ++i) {
    const std::string name = ours[i].value("name", "");
    if (theirs[i].value("name", "") != name) {
      differ(fmt::format("which has a file {} where this one has {}", theirs[i].value("name", ""),
                         name));
    }
    if (theirs[i].contains("sha256") != ours[i].contains("sha256")) {
      fail(
          "'{}' cannot be resumed: its model's files were {}hashed, and here they are{}; {} "
          "--no-hash, {}.",
          path, theirs[i].contains("sha256") ? "" : "not ",
          theirs[i].contains("sha256") ? " not" : "",
          theirs[i].contains("sha256") ? "leave out" : "give", kRemedy);
    }
    if (theirs[i] != ours[i]) differ(fmt::format("whose {} has other content", name));
  }
  if (theirs.size() != ours.size()) {
    differ(fmt::format("which has {} files where this one has {}", theirs.size(), ours.size()));
  }
}

void compare_settings(const std::string& path, const json& provenance, const json& settings) {
  compare_model_files(path, provenance, settings);
  for (const char* part : {"model", "engine", "recording", "prompts"}) {
    const json then = value_at(provenance, fmt::format("/{}", part));
    const std::string at =
        first_difference(then, settings.value(part, json()), fmt::format("/{}", part));
    if (!at.empty()) fail_settings(path, at, value_at(provenance, at), value_at(settings, at));
  }
}

void compare_runs(const std::string& path, const tracer::Trace& trace,
                  std::span<const engine::Run> runs) {
  const tracer::Runs there = trace.read<tracer::Runs>(0, trace.rows<tracer::Runs>());
  for (size_t i = 0; i < std::min(there.name.rows(), runs.size()); ++i) {
    const std::string& name = runs[i].spec.text;
    if (there.name.at(i) != name) {
      fail(
          "'{}' cannot be resumed: its run {} is '{}', and here it is '{}'; give the same "
          "--policy options in the same order, new ones behind them, {}.",
          path, i + 1, there.name.at(i), name, kRemedy);
    }
    const json then = parse_json_or_discard(there.parameters.at(i));
    const json now = parameters_of(*runs[i].policy);
    const std::string at = first_difference(then, now, "");
    if (!at.empty()) {
      fail(
          "'{}' cannot be resumed: run '{}' was recorded with {} = {}, and here it is {}; give "
          "the same, {}.",
          path, name, at.substr(1), short_text(value_at(then, at)), short_text(value_at(now, at)),
          kRemedy);
    }
  }
  if (there.name.rows() > runs.size()) {
    fail(
        "'{}' cannot be resumed with fewer runs: it has {}, and here there are {}; give '{}' as "
        "well, {}.",
        path, there.name.rows(), runs.size(), there.name.at(runs.size()), kRemedy);
  }
}

// A trace holds text as UTF-8 and answers as JSON.
void compare_samples(const std::string& path, const tracer::Trace& trace, uint64_t planned,
                     std::span<const engine::Sample> samples) {
  const uint64_t there = trace.rows<tracer::Samples>();
  uint64_t first_token = 0;
  for (uint64_t i = 0; i < std::min<uint64_t>(there, samples.size()); ++i) {
    const tracer::Samples row = trace.read<tracer::Samples>(i, i + 1);
    const engine::Sample& sample = samples[i];
    const auto differ = [&](std::string_view what) {
      fail(
          "'{}' cannot be resumed: its sample {} ('{}') has {} here; give the same prompts in the "
          "same order, new ones behind them, {}.",
          path, i + 1, row.id.at(0), what, kRemedy);
    };
    const uint64_t end = row.tokens_end[0];
    const std::vector<int32_t> tokens =
        trace.read_column(&tracer::Tokens::id, first_token, std::max(first_token, end));
    first_token = end;
    if (row.id.at(0) != to_utf8_lossy(sample.id)) {
      differ(fmt::format("the id '{}'", sample.id));
    }
    if (row.text.at(0) != to_utf8_lossy(sample.text)) differ("another text");
    if (tokens != sample.tokens) differ("other tokens");
    if (parse_json_or_discard(row.answers.at(0)) != json(sample.answers)) {
      differ("other answers");
    }
    const std::string metadata = sample.metadata.empty() ? "{}" : sample.metadata;
    if (parse_json_or_discard(row.metadata.at(0)) != parse_json_or_discard(metadata)) {
      differ("other metadata");
    }
  }
  const uint64_t least = std::max(there, planned);
  if (samples.size() < least) {
    fail(
        "'{}' cannot be resumed with fewer samples: it was to have {}, and here there are {}; "
        "give all of them, {}.",
        path, least, samples.size(), kRemedy);
  }
}

// How many samples the recording was to have when it was last started.
uint64_t planned_samples(const json& provenance, const tracer::KeptTrace& kept) {
  uint64_t planned = 0;
  const auto take = [&](const json& described) {
    const json count = value_at(described, "/prompts/count");
    if (count.is_number_unsigned()) planned = count.get<uint64_t>();
  };
  take(provenance);
  const json parts = parse_json_or_discard(kept.continued);
  if (parts.is_array() && !parts.empty()) take(parts.back());
  return planned;
}

tracer::Trace open_trace(const std::string& path) {
  try {
    return tracer::Trace::open(path);
  } catch (const Error& error) {
    fail("'{}' exists, and cannot be resumed: {}. To record anew, {}.", path, error.what(),
         kRemedy);
  }
}

tracer::KeptTrace find_kept(const std::string& path, const tracer::Trace& trace) {
  try {
    return tracer::find_kept(trace);
  } catch (const Error& error) {
    fail("'{}' cannot be resumed: {}. To record anew, {}.", path, error.what(),
         trace.is_live() ? "name another file" : kRemedy);
  }
}

}  // namespace

json parameters_of(const engine::Policy& policy) {
  json parameters = json::object();
  for (const auto& [key, value] : policy.parameters()) parameters[key] = value;
  return parameters;
}

void require_resumable(const std::string& path) {
  find_kept(path, open_trace(path));
}

Resumption find_resumption(const std::string& path, std::span<const engine::Sample> samples,
                           std::span<const engine::Run> runs) {
  const tracer::Trace trace = open_trace(path);
  Resumption found;
  found.kept = find_kept(path, trace);
  const json provenance = parse_json_or_discard(trace.provenance());
  if (!provenance.is_object() || !provenance.contains("recording")) {
    fail("'{}' cannot be resumed: it does not say how it was recorded. To record anew, {}.", path,
         kRemedy);
  }
  compare_runs(path, trace, runs);
  compare_samples(path, trace, planned_samples(provenance, found.kept), samples);
  found.passes = runs.size() * samples.size();
  // One whose recorder was killed just before it closed the file still is to be closed: plain HDF5
  // readers refuse it.
  found.complete = trace.status() == tracer::Status::complete && !trace.was_killed() &&
                   found.kept.passes.size() == found.passes &&
                   trace.rows<tracer::Runs>() == runs.size();
  return found;
}

void require_same_settings(const Resumption& resumption, const json& settings) {
  compare_settings(resumption.kept.path, parse_json_or_discard(resumption.kept.provenance),
                   settings);
}

}  // namespace kvreel::cli
