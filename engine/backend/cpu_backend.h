// The backend that runs anywhere: fp32 activations over f32, f16 or bf16 weights.
#pragma once

#include <memory>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/model/config.h"
#include "engine/model/rope.h"
#include "engine/model/weights.h"
#include "kernels/cpu/ops.h"

namespace kvreel::engine {

struct CpuOptions {
  int threads = 0;         // 0: one per available core
  bool choose_isa = true;  // the best that the processor has; otherwise `isa`
  kernels::cpu::Isa isa = kernels::cpu::Isa::generic;
  int64_t chunk_rows = 256;  // prompt rows that go through a layer's operations at once
};

class CpuBackend final : public Backend {
 public:
  // `config` and `weights` must outlive the backend.
  CpuBackend(const ModelConfig& config, const Weights& weights, const CpuOptions& options);
  ~CpuBackend() override;

  std::string name() const override { return "cpu"; }
  std::string description() const override;
  int threads() const { return exec_.threads; }
  KvMemory& kv_memory() override;
  int64_t chunk_rows() const override { return chunk_rows_; }

  void begin(std::span<const int32_t> tokens, int64_t first_position) override;
  void qkv(int layer, Rows rows, KvCache& cache, AttentionStatistics& statistics) override;
  void attend(int layer, Rows rows, const KvCache& cache, AttentionStatistics& statistics) override;
  void attn_out(int layer, Rows rows) override;
  void ffn(int layer, Rows rows) override;
  std::span<const float> logits() override;

 private:
  class HostMemory;

  float* hidden(int64_t row) { return hidden_.data() + row * config_->hidden_size; }
  void norm(Rows rows, const kernels::Vector& weight);
  void linear(const float* x, int64_t rows, const kernels::Matrix& w, const kernels::Vector& bias,
              bool accumulate, float* y, int64_t y_stride) const;
  void cover_positions(int64_t positions);
  void add_query_moments(Rows rows, AttentionStatistics& statistics) const;
  void copy_queries(Rows rows, AttentionStatistics& statistics) const;

  const ModelConfig* config_;
  const Weights* weights_;
  kernels::cpu::Exec exec_;
  int64_t chunk_rows_;
  std::unique_ptr<HostMemory> memory_;

  RopeTable rope_;
  int64_t rope_positions_ = 0;
  int64_t first_position_ = 0;
  int64_t rows_ = 0;
  std::vector<int32_t> positions_;  // [rows], of the step in progress
  std::vector<float> hidden_;       // [rows, hidden]
  std::vector<float> normed_;       // [chunk, hidden]
  std::vector<float> qkv_;          // [chunk, q + k + v]
  std::vector<float> attention_;    // [chunk, q]
  std::vector<float> gate_up_;      // [chunk, 2 intermediate]
  std::vector<float> activation_;   // [chunk, intermediate]
  std::vector<float> logits_;       // [vocab]
};

}  // namespace kvreel::engine
