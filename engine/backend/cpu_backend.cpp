// A layer's fused operations, put together from the CPU kernels.
#include "engine/backend/cpu_backend.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <numeric>

namespace kvreel::engine {

namespace cpu = kernels::cpu;

// Pages in ordinary memory, aligned to cache lines.
class CpuBackend::HostMemory final : public KvMemory {
 public:
  void* allocate(size_t bytes) override { return ::operator new(bytes, kLine); }
  void release(void* page, size_t) override { ::operator delete(page, kLine); }
  void compact(const kernels::PageLayout& layout, std::span<void* const> pages,
               std::span<const int64_t> sources) override {
    const size_t row_bytes = static_cast<size_t>(layout.head_dim) * kernels::size_of(layout.dtype);
    const auto key = [&](int64_t row) {
      return static_cast<std::byte*>(pages[static_cast<size_t>(row / layout.page_rows)]) +
             static_cast<size_t>(row % layout.page_rows) * row_bytes;
    };
    for (size_t i = 0; i < sources.size(); ++i) {
      const auto target = static_cast<int64_t>(i);
      if (sources[i] == target) continue;
      std::memcpy(key(target), key(sources[i]), row_bytes);
      std::memcpy(key(target) + layout.value_offset(), key(sources[i]) + layout.value_offset(),
                  row_bytes);
    }
  }
  void read(const kernels::PageLayout& layout, std::span<void* const> pages, int64_t first,
            int64_t count, float* keys, float* values) override {
    const size_t row_bytes = static_cast<size_t>(layout.head_dim) * kernels::size_of(layout.dtype);
    const cpu::Exec one{.isa = cpu::Isa::generic, .threads = 1};
    for (int64_t row = first; row < first + count;) {
      const int64_t in_page = row % layout.page_rows;
      const int64_t rows = std::min(layout.page_rows - in_page, first + count - row);
      const auto* from =
          static_cast<const std::byte*>(pages[static_cast<size_t>(row / layout.page_rows)]) +
          static_cast<size_t>(in_page) * row_bytes;
      const int64_t offset = (row - first) * layout.head_dim;
      const int64_t elements = rows * layout.head_dim;
      if (keys) cpu::to_f32(one, from, layout.dtype, elements, keys + offset);
      if (values) {
        cpu::to_f32(one, from + layout.value_offset(), layout.dtype, elements, values + offset);
      }
      row += rows;
    }
  }
  void copy(size_t page_bytes, std::span<void* const> from, std::span<void* const> to) override {
    for (size_t i = 0; i < from.size(); ++i) std::memcpy(to[i], from[i], page_bytes);
  }

 private:
  static constexpr std::align_val_t kLine{64};
};

CpuBackend::CpuBackend(const ModelConfig& config, const Weights& weights, const CpuOptions& options)
    : config_(&config),
      weights_(&weights),
      chunk_rows_(options.chunk_rows),
      memory_(std::make_unique<HostMemory>()) {
  exec_.threads = options.threads > 0 ? options.threads : omp_get_num_procs();
  exec_.isa = options.choose_isa ? cpu::available_isas().back() : options.isa;
  logits_.resize(static_cast<size_t>(config.vocab_size));
}

CpuBackend::~CpuBackend() = default;

std::string CpuBackend::description() const {
  return fmt::format("{}, {} thread{}", cpu::name_of(exec_.isa), exec_.threads,
                     exec_.threads == 1 ? "" : "s");
}

KvMemory& CpuBackend::kv_memory() {
  return *memory_;
}

void CpuBackend::linear(const float* x, int64_t rows, const kernels::Matrix& w,
                        const kernels::Vector& bias, bool accumulate, float* y,
                        int64_t y_stride) const {
  cpu::linear(exec_, {.x = x,
                      .rows = rows,
                      .w = w,
                      .bias = bias,
                      .accumulate = accumulate,
                      .y = y,
                      .y_stride = y_stride});
}

void CpuBackend::norm(Rows rows, const kernels::Vector& weight) {
  cpu::rms_norm(exec_, hidden(rows.begin), rows.count(), weight, config_->rms_norm_eps,
                normed_.data());
}

void CpuBackend::cover_positions(int64_t positions) {
  if (positions <= rope_positions_) return;
  // Doubling keeps the cost of a growing sequence linear.
  rope_positions_ = std::max<int64_t>({positions, 2 * rope_positions_, 256});
  rope_ = make_rope_table(config_->rope, config_->head_dim, rope_positions_);
}

void CpuBackend::begin(std::span<const int32_t> tokens, int64_t first_position) {
  rows_ = static_cast<int64_t>(tokens.size());
  first_position_ = first_position;
  cover_positions(first_position + rows_);
  positions_.resize(tokens.size());
  std::iota(positions_.begin(), positions_.end(), static_cast<int32_t>(first_position));

  const int64_t width = config_->hidden_size;
  const auto chunk = static_cast<size_t>(std::min(rows_, chunk_rows_));
  hidden_.resize(static_cast<size_t>(rows_ * width));
  normed_.resize(chunk * static_cast<size_t>(width));
  qkv_.resize(chunk * static_cast<size_t>(config_->q_size() + 2 * config_->kv_size()));
  attention_.resize(chunk * static_cast<size_t>(config_->q_size()));
  gate_up_.resize(chunk * static_cast<size_t>(2 * config_->intermediate_size));
  activation_.resize(chunk * static_cast<size_t>(config_->intermediate_size));

  const kernels::Matrix& table = weights_->embedding;
  const size_t row_bytes = static_cast<size_t>(width) * kernels::size_of(table.dtype);
  for (int64_t row = 0; row < rows_; ++row) {
    const auto* source = static_cast<const std::byte*>(table.data) +
                         static_cast<size_t>(tokens[static_cast<size_t>(row)]) * row_bytes;
    cpu::to_f32(exec_, source, table.dtype, width, hidden(row));
  }
}

void CpuBackend::qkv(int layer, Rows rows, KvCache& cache, AttentionStatistics& statistics) {
  const LayerWeights& w = weights_->layers[static_cast<size_t>(layer)];
  const int64_t q_size = config_->q_size();
  const int64_t kv_size = config_->kv_size();
  const int64_t stride = q_size + 2 * kv_size;
  float* q = qkv_.data();
  float* k = q + q_size;
  float* v = k + kv_size;

  norm(rows, w.attn_norm);
  linear(normed_.data(), rows.count(), w.q, w.q_bias, false, q, stride);
  linear(normed_.data(), rows.count(), w.k, w.k_bias, false, k, stride);
  linear(normed_.data(), rows.count(), w.v, w.v_bias, false, v, stride);

  if (!statistics.query_sums.empty()) add_query_moments(rows, statistics);

  const int64_t angle = (first_position_ + rows.begin) * (config_->head_dim / 2);
  const float* cos = rope_.cos.data() + angle;
  const float* sin = rope_.sin.data() + angle;
  cpu::rope(exec_, q, rows.count(), config_->q_heads, config_->head_dim, stride, cos, sin);
  cpu::rope(exec_, k, rows.count(), config_->kv_heads, config_->head_dim, stride, cos, sin);

  if (statistics.last_queries > 0) copy_queries(rows, statistics);

  cache.extend(layer, static_cast<int32_t>(first_position_ + rows.begin), rows.count());
  for (int head = 0; head < config_->kv_heads; ++head) {
    const int64_t offset = int64_t(head) * config_->head_dim;
    cpu::append(exec_, k + offset, v + offset, rows.count(), stride, cache.shape().page,
                cache.pages(layer, head).data(), cache.length(layer, head) - rows.count());
  }
}

// Work is cut by query head, so that sums do not depend on the number of threads.
void CpuBackend::add_query_moments(Rows rows, AttentionStatistics& statistics) const {
  const int64_t dim = config_->head_dim;
  const int64_t stride = config_->q_size() + 2 * config_->kv_size();
  const int64_t first = std::max(rows.begin, kSinkPositions);
#pragma omp parallel for num_threads(exec_.threads)
  for (int head = 0; head < config_->q_heads; ++head) {
    double* sums = statistics.query_sums.data() + head * dim;
    double* products = statistics.query_products.data() + head * dim * dim;
    for (int64_t row = first; row < rows.end; ++row) {
      const float* q = qkv_.data() + (row - rows.begin) * stride + head * dim;
      for (int64_t i = 0; i < dim; ++i) {
        const auto value = static_cast<double>(q[i]);
        sums[i] += value;
        for (int64_t j = 0; j < dim; ++j) {
          products[i * dim + j] += value * static_cast<double>(q[j]);
        }
      }
    }
  }
}

void CpuBackend::copy_queries(Rows rows, AttentionStatistics& statistics) const {
  const int64_t dim = config_->head_dim;
  const int64_t stride = config_->q_size() + 2 * config_->kv_size();
  const int64_t first_wanted = statistics.queries - statistics.last_queries;
  for (int64_t row = std::max(rows.begin, first_wanted); row < rows.end; ++row) {
    for (int64_t head = 0; head < config_->q_heads; ++head) {
      const float* q = qkv_.data() + (row - rows.begin) * stride + head * dim;
      std::copy_n(q, dim,
                  statistics.query_vectors.data() +
                      (head * statistics.last_queries + row - first_wanted) * dim);
    }
  }
}

void CpuBackend::attend(int layer, Rows rows, const KvCache& cache,
                        AttentionStatistics& statistics) {
  const std::vector<kernels::CachedHead> heads = cache.heads(layer);
  const int64_t queries = statistics.queries;
  const int64_t keys = statistics.keys;
  cpu::AttendArgs args{.q = qkv_.data(),
                       .q_stride = config_->q_size() + 2 * config_->kv_size(),
                       .rows = rows.count(),
                       .q_heads = config_->q_heads,
                       .kv_heads = config_->kv_heads,
                       .query_positions = positions_.data() + rows.begin,
                       .layout = cache.shape().page,
                       .heads = heads.data(),
                       .window = config_->windows[static_cast<size_t>(layer)],
                       .scale = 1.0f / std::sqrt(static_cast<float>(config_->head_dim)),
                       .out = attention_.data(),
                       .out_stride = config_->q_size()};

  const auto part = [](std::vector<float>& values, int64_t offset) {
    return values.empty() ? nullptr : values.data() + offset;
  };
  args.row_square_sums = part(statistics.row_square_sums, rows.begin);
  args.row_entropy = part(statistics.row_entropy, rows.begin);
  args.row_stats_stride = queries;
  args.column_sums = part(statistics.column_sums, 0);
  args.column_square_sums = part(statistics.column_square_sums, 0);
  args.column_stride = keys;

  // The step's last rows may begin inside this chunk or before it.
  const int64_t first_wanted = queries - statistics.last_rows;
  if (statistics.last_rows > 0 && rows.end > first_wanted) {
    const int64_t first_here = std::max(rows.begin, first_wanted);
    args.probability_rows = rows.end - first_here;
    args.probability_row_stride = keys;
    args.probability_head_stride = statistics.last_rows * keys;
    args.probabilities = statistics.probabilities.data() + (first_here - first_wanted) * keys;
  }
  cpu::attend(exec_, args);
}

void CpuBackend::attn_out(int layer, Rows rows) {
  const LayerWeights& w = weights_->layers[static_cast<size_t>(layer)];
  linear(attention_.data(), rows.count(), w.out, w.out_bias, true, hidden(rows.begin),
         config_->hidden_size);
}

void CpuBackend::ffn(int layer, Rows rows) {
  const LayerWeights& w = weights_->layers[static_cast<size_t>(layer)];
  const int64_t size = config_->intermediate_size;
  norm(rows, w.ffn_norm);
  linear(normed_.data(), rows.count(), w.gate, w.gate_bias, false, gate_up_.data(), 2 * size);
  linear(normed_.data(), rows.count(), w.up, w.up_bias, false, gate_up_.data() + size, 2 * size);
  cpu::silu_mul(exec_, gate_up_.data(), rows.count(), size, activation_.data());
  linear(activation_.data(), rows.count(), w.down, w.down_bias, true, hidden(rows.begin),
         config_->hidden_size);
}

std::span<const float> CpuBackend::logits() {
  norm({rows_ - 1, rows_}, weights_->final_norm);
  linear(normed_.data(), 1, weights_->lm_head, {}, false, logits_.data(), config_->vocab_size);
  return logits_;
}

}  // namespace kvreel::engine
