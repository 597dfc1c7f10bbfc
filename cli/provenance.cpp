// Facts about program, machine and model for the trace's provenance.
#include "cli/provenance.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <fstream>

#include "base/error.h"
#include "base/text.h"
#include "cli/commit.h"
#include "cli/version.h"
#include "kernels/cpu/bandwidth.h"

namespace kvreel::cli {
namespace {

using nlohmann::json;

// The value of the first line of a "key : value" file whose key is `key`, "" where there is none.
std::string value_of(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    size_t at = line.find_first_of(":=");
    if (at == std::string::npos) continue;
    std::string value(trim(std::string_view(line).substr(at + 1)));
    if (value.size() > 1 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    return value;
  }
  return {};
}

std::string rope_name(engine::RopeType type) {
  switch (type) {
    case engine::RopeType::standard:
      return "default";
    case engine::RopeType::linear:
      return "linear";
    case engine::RopeType::llama3:
      return "llama3";
    case engine::RopeType::yarn:
      return "yarn";
  }
  return "?";
}

}  // namespace

std::string version_text() {
  return fmt::format("kvreel {} ({}; {}; {})", kVersion, kCommit, kBuildType, kCompiler);
}

json describe_program() {
  return {
      {"version", kVersion}, {"commit", kCommit}, {"build", kBuildType}, {"compiler", kCompiler}};
}

json describe_machine() {
  utsname system{};
  uname(&system);
  const std::string distribution = value_of("/etc/os-release", "PRETTY_NAME");
  return {{"cpu", value_of("/proc/cpuinfo", "model name")},
          {"cores", sysconf(_SC_NPROCESSORS_ONLN)},
          {"memory_bytes", sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGE_SIZE)},
          {"architecture", system.machine},
          {"os", fmt::format("{}, {} {}", distribution.empty() ? "?" : distribution, system.sysname,
                             system.release)}};
}

json measure_bandwidth(int threads) {
  // Larger than the last-level cache of a server's socket would be slow to fill; 512 MiB outlasts
  // most of it.
  constexpr size_t kBytes = size_t(512) << 20;
  constexpr int kRuns = 5;
  const kernels::cpu::Bandwidth measured =
      kernels::cpu::measure_read_bandwidth(threads, kBytes, kRuns);
  // The peak memory that the trace reports is to be the model's, not this buffer's: writing 5
  // starts the kernel's high-water mark anew (proc(5), clear_refs).
  std::ofstream clear_peak("/proc/self/clear_refs");
  const bool peak_cleared = static_cast<bool>(clear_peak << "5" << std::flush);
  return {{"threads", measured.threads},
          {"median_bytes_per_s", measured.median},
          {"least_bytes_per_s", measured.least},
          {"most_bytes_per_s", measured.most},
          {"runs", measured.runs},
          {"bytes", measured.bytes},
          {"counts_in_process_peak", !peak_cleared}};
}

json describe_model(const engine::Model& model, const engine::LoadOptions& load,
                    const std::vector<engine::ModelFile>& files,
                    const std::vector<std::string>& hashes) {
  const engine::ModelConfig& config = model.config;
  json described = {
      {"directory", std::filesystem::absolute(model.directory).lexically_normal().string()},
      {"family", config.family},
      {"layers", config.layers},
      {"q_heads", config.q_heads},
      {"kv_heads", config.kv_heads},
      {"head_dim", config.head_dim},
      {"hidden_size", config.hidden_size},
      {"intermediate_size", config.intermediate_size},
      {"vocab_size", config.vocab_size},
      {"max_positions", config.max_positions},
      {"windows", config.windows},
      {"rope", rope_name(config.rope.type)},
      {"stored_dtype", kernels::name_of(config.stored_dtype)},
      {"parameters", config.parameters()},
      {"weight_bytes", model.weights.total_bytes()},
      {"weight_bytes_per_token", model.weights.bytes_per_token()},
      {"weights", load.dummy_weights ? "dummy" : "files"}};
  if (load.dummy_weights) described["dummy_seed"] = load.seed;
  json listed = json::array();
  for (size_t i = 0; i < files.size(); ++i) {
    json file = {{"name", files[i].path.filename().string()}, {"bytes", files[i].bytes}};
    if (i < hashes.size()) file["sha256"] = hashes[i];
    listed.push_back(file);
  }
  described["files"] = listed;
  return described;
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace kvreel::cli
