// Attention of one query: decode. Bound by the bytes of the cache, which are
// read once for all query heads of a group. Work is cut by KV head and by fixed
// chunks of keys whose results merge in order.
#pragma once

#include "kernels/cpu/attend_chunk.h"
#include "kernels/cpu/cached_rows.h"
#include "kernels/cpu/ops.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/softmax.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

// What a chunk knows about one query head, besides its unnormalised output.
struct ChunkState {
  double max;
  ExpSums sums;
};

// One query row's problem and the scratch that its threads share.
struct RowWork {
  const AttendArgs* args;
  int64_t row;
  int64_t group;           // query heads per KV head
  int64_t padded_dim;      // head_dim rounded up to whole vectors
  int64_t chunks;          // most chunks of any KV head
  bool keep_scores;        // every chunk's exponentials are wanted afterwards
  const KeyRange* ranges;  // [kv_heads]
  float* q;                // [q_heads, padded_dim], scaled, zero-padded
  ChunkState* states;      // [kv_heads, chunks, group]
  float* outs;             // [kv_heads, chunks, group, padded_dim], unnormalised
  float* scores;           // [kv_heads * chunks, or threads][group, kChunkKeys]

  int64_t slot(int64_t kv_head, int64_t chunk, int64_t member) const {
    return (kv_head * chunks + chunk) * group + member;
  }
  ChunkState& state(int64_t kv_head, int64_t chunk, int64_t member) const {
    return states[slot(kv_head, chunk, member)];
  }
  float* out(int64_t kv_head, int64_t chunk, int64_t member) const {
    return outs + slot(kv_head, chunk, member) * padded_dim;
  }
};

template <class Stored>
void attend_chunk(const RowWork& work, int64_t kv_head, int64_t chunk, float* scores) {
  const AttendArgs& args = *work.args;
  const CachedHead& head = args.heads[kv_head];
  const int64_t head_dim = args.layout.head_dim;
  const int64_t row_bytes = head_dim * Stored::kBytes;
  const KeyRange range = work.ranges[kv_head];
  const int64_t begin = range.begin + chunk * kChunkKeys;
  const int64_t end = min_of(range.end, begin + kChunkKeys);
  const float* q = work.q + kv_head * work.group * work.padded_dim;

  for_each_run(head, args.layout, row_bytes, Part::keys, begin, end, kRunKeys, [&](const Run& run) {
    for_head_blocks(work.group, [&]<int kHeads>(int64_t h) {
      score_run<Stored, kHeads>(q + h * work.padded_dim, work.padded_dim, run, head_dim, h == 0,
                                scores + h * kChunkKeys + (run.first - begin));
    });
  });
  for (int64_t h = 0; h < work.group; ++h) {
    float* row = scores + h * kChunkKeys;
    const float max = greatest_score(row, end - begin);
    work.state(kv_head, chunk, h) = {double(max), exponentiate(row, end - begin, max)};
    float* out = work.out(kv_head, chunk, h);
    for (int64_t i = 0; i < work.padded_dim; ++i) out[i] = 0;
  }
  for_each_run(
      head, args.layout, row_bytes, Part::values, begin, end, kRunKeys, [&](const Run& run) {
        for_head_blocks(work.group, [&]<int kHeads>(int64_t h) {
          mix_run<Stored, kHeads>(scores + h * kChunkKeys + (run.first - begin), run, head_dim,
                                  h == 0, work.out(kv_head, chunk, h), work.padded_dim);
        });
      });
}

// The chunks of one query head taken together; an ordered merge, so that it
// does not depend on the threads.
struct RowTotals {
  double max = 0;
  ExpSums sums;
};

inline RowTotals merge_chunks(const RowWork& work, int64_t kv_head, int64_t member,
                              int64_t chunks) {
  RowTotals totals;
  for (int64_t c = 0; c < chunks; ++c) {
    const double max = work.state(kv_head, c, member).max;
    if (c == 0 || !(max <= totals.max)) totals.max = max;  // written so that a NaN is taken over
  }
  for (int64_t c = 0; c < chunks; ++c) {
    const ChunkState& state = work.state(kv_head, c, member);
    const double shift = state.max - totals.max;
    const double factor = __builtin_exp(shift);
    totals.sums.sum += factor * state.sums.sum;
    totals.sums.square_sum += factor * factor * state.sums.square_sum;
    if (factor > 0) {
      totals.sums.weighted += factor * (state.sums.weighted + shift * state.sums.sum);
    }
  }
  return totals;
}

// What turns a chunk's exponentials into probabilities.
inline float chunk_factor(const RowWork& work, int64_t kv_head, int64_t chunk, int64_t member,
                          const RowTotals& totals) {
  const double max = work.state(kv_head, chunk, member).max;
  return float(__builtin_exp(max - totals.max) / totals.sums.sum);
}

// Writes query head h's probabilities and adds to its columns.
inline void spread_probabilities(const RowWork& work, int64_t h, int64_t chunks,
                                 const RowTotals& totals) {
  const AttendArgs& args = *work.args;
  const int64_t kv_head = h / work.group, member = h % work.group;
  const KeyRange range = work.ranges[kv_head];
  const int64_t first_kept = args.rows - args.probability_rows;
  float* row = nullptr;
  if (args.probabilities != nullptr && work.row >= first_kept) {
    row = args.probabilities + h * args.probability_head_stride +
          (work.row - first_kept) * args.probability_row_stride;
    for (int64_t j = 0; j < range.begin; ++j) row[j] = 0;
    for (int64_t j = range.end; j < args.heads[kv_head].length; ++j) row[j] = 0;
  }
  float* sums = args.column_sums ? args.column_sums + h * args.column_stride : nullptr;
  float* squares =
      args.column_square_sums ? args.column_square_sums + h * args.column_stride : nullptr;
  for (int64_t c = 0; c < chunks; ++c) {
    const float factor = chunk_factor(work, kv_head, c, member, totals);
    const float* e = work.scores + ((kv_head * work.chunks + c) * work.group + member) * kChunkKeys;
    const int64_t begin = range.begin + c * kChunkKeys;
    const int64_t count = min_of(kChunkKeys, range.end - begin);
    for (int64_t j = 0; j < count; ++j) {
      const float a = e[j] * factor;
      if (row != nullptr) row[begin + j] = a;
      if (sums != nullptr) sums[begin + j] += a;
      if (squares != nullptr) squares[begin + j] += a * a;
    }
  }
}

// Merges query head h's chunks into its output and statistics. A query that
// sees no key gets zeros.
inline void finish_head(const RowWork& work, int64_t h) {
  const AttendArgs& args = *work.args;
  const int64_t kv_head = h / work.group, member = h % work.group;
  const KeyRange range = work.ranges[kv_head];
  const int64_t chunks = blocks_of(max_of(0, range.end - range.begin), kChunkKeys);
  const RowTotals totals = merge_chunks(work, kv_head, member, chunks);
  const int64_t head_dim = args.layout.head_dim;
  float* out = args.out + work.row * args.out_stride + h * head_dim;
  for (int64_t i = 0; i < head_dim; ++i) out[i] = 0;
  for (int64_t c = 0; c < chunks; ++c) {
    const float factor = chunk_factor(work, kv_head, c, member, totals);
    const float* part = work.out(kv_head, c, member);
    for (int64_t i = 0; i < head_dim; ++i) out[i] += factor * part[i];
  }
  write_row_statistics(args, h, work.row, totals.sums);
  if (work.keep_scores) spread_probabilities(work, h, chunks, totals);
}

template <class T>
size_t floats_for(int64_t count) {
  return size_t(count) * (sizeof(T) / sizeof(float));
}

// Attention of query `row` of the call.
inline void attend_row(int threads, const AttendArgs& args, int64_t row) {
  RowWork work;
  work.args = &args;
  work.row = row;
  work.group = args.q_heads / args.kv_heads;
  work.padded_dim = round_up(args.layout.head_dim, kLanes);
  work.keep_scores = (args.probabilities != nullptr && row >= args.rows - args.probability_rows) ||
                     args.column_sums != nullptr || args.column_square_sums != nullptr;

  const Scratch range_scratch(floats_for<KeyRange>(args.kv_heads));
  KeyRange* ranges = static_cast<KeyRange*>(static_cast<void*>(range_scratch.floats));
  int64_t longest = 0;
  for (int64_t h = 0; h < args.kv_heads; ++h) {
    ranges[h] = visible_rows(args.heads[h], args.query_positions[row], args.window);
    longest = max_of(longest, ranges[h].end - ranges[h].begin);
  }
  work.ranges = ranges;
  work.chunks = max_of(1, blocks_of(longest, kChunkKeys));
  const int64_t items = args.kv_heads * work.chunks;
  const int team = threads_for(threads, items);

  const int64_t q_floats = args.q_heads * work.padded_dim;
  const int64_t out_floats = items * work.group * work.padded_dim;
  const int64_t score_floats = (work.keep_scores ? items : team) * work.group * kChunkKeys;
  const Scratch scratch(size_t(q_floats + out_floats + score_floats));
  work.q = scratch.floats;
  work.outs = work.q + q_floats;
  work.scores = work.outs + out_floats;
  const Scratch state_scratch(floats_for<ChunkState>(items * work.group));
  work.states = static_cast<ChunkState*>(static_cast<void*>(state_scratch.floats));
  for (int64_t h = 0; h < args.q_heads; ++h) {
    const float* query = args.q + row * args.q_stride + h * args.layout.head_dim;
    float* scaled = work.q + h * work.padded_dim;
    for (int64_t i = 0; i < args.layout.head_dim; ++i) scaled[i] = query[i] * args.scale;
    for (int64_t i = args.layout.head_dim; i < work.padded_dim; ++i) scaled[i] = 0;
  }
  with_stored(args.layout.dtype, [&](auto stored) {
    using Stored = decltype(stored);
#pragma omp parallel num_threads(team)
    {
      const int64_t thread = omp_get_thread_num();
#pragma omp for schedule(static)
      for (int64_t item = 0; item < items; ++item) {
        const int64_t kv_head = item / work.chunks, chunk = item % work.chunks;
        const KeyRange range = work.ranges[kv_head];
        if (range.begin + chunk * kChunkKeys >= range.end) continue;
        const int64_t slot = work.keep_scores ? item : thread;
        attend_chunk<Stored>(work, kv_head, chunk, work.scores + slot * work.group * kChunkKeys);
      }
#pragma omp for schedule(static)
      for (int64_t h = 0; h < args.q_heads; ++h) finish_head(work, h);
    }
  });
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
