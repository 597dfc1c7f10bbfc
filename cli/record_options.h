// What `kvreel record` is told on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace kvreel::cli {

struct RecordOptions {
  std::string model;
  std::string load_format = "auto";
  std::string dataset;              // NAME:FILE
  std::string preset = "refreekv";  // whose lengths
  std::vector<std::string> metrics;
  std::string prompts;
  std::vector<std::string> prompt_texts;
  std::string format;  // of prompts: --template
  std::string answer_field;
  std::string id_field;
  int64_t offset = 0;
  int64_t limit = 0;
  bool chat = false;
  std::string system;
  bool system_given = false;  // else a data set's own holds, as for the two below
  std::string truncate = "refuse";
  bool truncate_given = false;
  int64_t max_prompt_tokens = 0;

  std::vector<std::string> policies;
  std::string share_prefill = "sweeps";
  bool fidelity = false;
  int64_t fidelity_steps = 128;
  int64_t max_new_tokens = 64;
  bool max_new_tokens_given = false;
  bool ignore_eos = false;
  double temperature = 0;
  int64_t top_k = 0;
  double top_p = 1;
  uint64_t seed = 0;

  std::string kv_dtype = "f32";
  int page_rows = 32;
  int threads = 0;
  std::string isa = "auto";
  int64_t chunk_rows = 256;
  bool ignore_memory = false;

  std::string output;
  bool force = false;
  std::string on_record_error = "stop";  // or "continue"
  uint64_t queue_bytes = uint64_t{256} << 20;
  int64_t commit_interval_ms = 200;
  uint64_t shard_bytes = uint64_t{4} << 30;  // 0: never another file
  bool no_spans = false;
  bool no_norms = false;
  bool decode_norms = false;
  int64_t attention_rows = 0;
  bool no_hash = false;
  bool no_bandwidth = false;
  bool quiet = false;
};

// Adds every option, in groups, with the help that a person reads.
void add_record_options(CLI::App& app, RecordOptions& options);

}  // namespace kvreel::cli
