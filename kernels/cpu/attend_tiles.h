// Attention of many queries: prefill. A tile of queries meets all keys that it sees, in scratch of
// [queries, keys] per thread; keys and values are converted and packed once for all tiles and query
// heads of a group.
#pragma once

#include "kernels/cpu/cached_rows.h"
#include "kernels/cpu/convert.h"
#include "kernels/cpu/ops.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/softmax.h"
#include "kernels/cpu/tile.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

// Values that stay in L1 while the tiles of queries pass: 64 dimensions of fp32 by this many keys
// is 32 KiB.
constexpr int64_t kMixKeys = 128;
// Column statistics are summed in this many interleaved parts of the queries, which merge in order:
// enough to share a head's work, whatever the number of threads.
constexpr int64_t kColumnParts = 4;
// Packed keys and values of as many KV heads as fit here are held at a time (at least one).
constexpr int64_t kPackedFloats = int64_t{1} << 24;  // 64 MiB

struct TileWork {
  const AttendArgs* args;
  int64_t group;        // query heads per KV head
  int64_t padded_dim;   // head_dim rounded up to whole vectors
  int64_t padded_keys;  // most rows of any KV head, rounded up to whole panels
  int64_t tiles;        // of kQueryRows queries
  int64_t parts;        // pieces of one query head's tiles
  bool columns;         // column statistics are asked for
  int64_t first_head;   // KV heads [first_head, first_head + heads) are packed
  int64_t heads;
  float* keys;     // [heads][panel][head_dim, kPanel]
  float* values;   // [heads][padded_keys, padded_dim]
  float* partial;  // [heads * group, parts][2][padded_keys]: sums, square sums

  float* packed_keys(int64_t head) const {
    return keys + head * padded_keys * args->layout.head_dim;
  }
  float* packed_values(int64_t head) const { return values + head * padded_keys * padded_dim; }
  float* partial_of(int64_t member, int64_t part) const {
    return partial + (member * parts + part) * 2 * padded_keys;
  }
};

// One thread's scratch.
struct TileScratch {
  float* queries;  // [tile][head_dim, tile rows], scaled
  float* out;      // [kQueryRows, padded_dim]
  float* scores;   // [kQueryRows, score_stride]
  int64_t score_stride;
};
inline int64_t tile_scratch_floats(const TileWork& work, int64_t score_stride) {
  return kQueryRows * (work.args->layout.head_dim + work.padded_dim + score_stride);
}

// The rows of a KV head that any query of the call sees.
inline KeyRange visible_to_all(const AttendArgs& args, int64_t kv_head) {
  const CachedHead& head = args.heads[kv_head];
  const KeyRange first = visible_rows(head, args.query_positions[0], args.window);
  const KeyRange last = visible_rows(head, args.query_positions[args.rows - 1], args.window);
  return {first.begin, last.end};
}

// Converts one panel's keys, transposed, and values.
template <class Stored>
void pack_cache_panel(const TileWork& work, int64_t head, int64_t panel) {
  const AttendArgs& args = *work.args;
  const CachedHead& cached = args.heads[work.first_head + head];
  const int64_t head_dim = args.layout.head_dim;
  const int64_t page_rows = args.layout.page_rows;
  const int64_t row_bytes = head_dim * Stored::kBytes;
  const int64_t first = panel * kPanel;
  const Bytes* rows[kPanel];
  for (int64_t i = 0; i < kPanel; ++i) {
    rows[i] = nullptr;
    const int64_t row = first + i;
    if (row >= cached.length) continue;
    const Bytes* page = static_cast<const Bytes*>(cached.pages[row / page_rows]);
    rows[i] = page + row % page_rows * row_bytes;
    float* value = work.packed_values(head) + row * work.padded_dim;
    read_stored<Stored>(rows[i] + page_rows * row_bytes, head_dim, value);
    for (int64_t d = head_dim; d < work.padded_dim; ++d) value[d] = 0;
  }
  pack_panel<Stored>(rows, head_dim, work.packed_keys(head) + first * head_dim);
}

// scores[r, j - base] = q_r . k_j for the panels [first_panel, last_panel) and the tile's queries.
inline void score_tile(const TileWork& work, int64_t head, int64_t valid, int64_t first_panel,
                       int64_t last_panel, const TileScratch& scratch) {
  const int64_t head_dim = work.args->layout.head_dim;
  for (int64_t p = first_panel; p < last_panel; ++p) {
    const float* panel = work.packed_keys(head) + p * kPanel * head_dim;
    for (int64_t r = 0; r < valid; r += kTileRows) {
      multiply_packed(tile_rows_for(valid - r), head_dim, scratch.queries + r * head_dim, panel,
                      scratch.scores + r * scratch.score_stride + (p - first_panel) * kPanel,
                      scratch.score_stride, false);
    }
  }
}

// out[r, :] = sum over j of scores[r, j - base] v_j for keys [begin, end).
inline void mix_tile(const TileWork& work, int64_t head, int64_t valid, int64_t base, int64_t begin,
                     int64_t end, const TileScratch& scratch) {
  const int64_t dim = work.padded_dim;
  for (int64_t first = begin; first < end; first += kMixKeys) {
    const int64_t count = min_of(kMixKeys, end - first);
    const float* values = work.packed_values(head) + first * dim;
    const float* weights = scratch.scores + (first - base);
    const int64_t stride = scratch.score_stride;
    const bool accumulate = first > begin;
    for (int64_t d = 0; d < dim;) {
      const int64_t vectors = (dim - d) / kLanes;
      const int64_t width = vectors >= kWideVecs ? kWideVecs : vectors >= 2 ? 2 : 1;
      for (int64_t r = 0; r < valid; r += kWideRows) {
        const float* a = weights + r * stride;
        float* out = scratch.out + r * dim + d;
        if (width == kWideVecs) {
          multiply_tile<kWideRows, kWideVecs, false>(count, a, stride, values + d, dim, out, dim,
                                                     accumulate);
        } else if (width == 2) {
          multiply_tile<kWideRows, 2, false>(count, a, stride, values + d, dim, out, dim,
                                             accumulate);
        } else {
          multiply_tile<kWideRows, 1, false>(count, a, stride, values + d, dim, out, dim,
                                             accumulate);
        }
      }
      d += width * kLanes;
    }
  }
}

// Adds a tile's probabilities, factors[r] scores[r, j], to the columns.
inline void add_columns(const TileScratch& scratch, int64_t valid, int64_t width,
                        const float* factors, float* sums, float* square_sums) {
  for (int64_t j = 0; j < width; j += kPanel) {
    Vf sum[2] = {load(sums + j), load(sums + j + kLanes)};
    Vf square[2] = {load(square_sums + j), load(square_sums + j + kLanes)};
    for (int64_t r = 0; r < valid; ++r) {
      const Vf factor = set1(factors[r]);
      const float* row = scratch.scores + r * scratch.score_stride + j;
      for (int v = 0; v < 2; ++v) {
        const Vf a = factor * load(row + v * kLanes);
        sum[v] = sum[v] + a;
        square[v] = fma(a, a, square[v]);
      }
    }
    for (int v = 0; v < 2; ++v) {
      store(sums + j + v * kLanes, sum[v]);
      store(square_sums + j + v * kLanes, square[v]);
    }
  }
}

inline void fill(float* at, int64_t count, float value) {
  for (int64_t i = 0; i < count; ++i) at[i] = value;
}

// Writes query `row`'s probabilities if the caller wants them: scores holds e for keys
// [range.begin, range.end).
inline void write_probabilities(const AttendArgs& args, int64_t h, int64_t row, KeyRange range,
                                const float* e, float factor) {
  const int64_t kept = row - (args.rows - args.probability_rows);
  if (args.probabilities == nullptr || kept < 0) return;
  float* to =
      args.probabilities + h * args.probability_head_stride + kept * args.probability_row_stride;
  const int64_t length = args.heads[h / (args.q_heads / args.kv_heads)].length;
  fill(to, range.begin, 0);
  for (int64_t j = range.begin; j < range.end; ++j) to[j] = e[j - range.begin] * factor;
  fill(to + range.end, length - range.end, 0);
}

// Softmax of one row of the tile in place: e where the query sees, zero elsewhere. Returns 1 / sum,
// or 0 for a query that sees no key.
inline float soften_row(const AttendArgs& args, int64_t h, int64_t row, KeyRange range,
                        int64_t base, int64_t width, float* scores) {
  ExpSums sums;
  float factor = 0;
  float* seen = scores + (range.begin - base);
  const int64_t count = range.end - range.begin;
  if (count > 0) {
    sums = exponentiate(seen, count, greatest_score(seen, count));
    factor = float(1.0 / sums.sum);
    fill(scores, range.begin - base, 0);
    fill(seen + count, width - (range.end - base), 0);
  } else {
    fill(scores, width, 0);
  }
  write_row_statistics(args, h, row, sums);
  write_probabilities(args, h, row, range, seen, factor);
  return factor;
}

// Attention of queries [first, first + valid) of query head h. sums and square_sums: null, or the
// part's.
inline void attend_tile(const TileWork& work, int64_t h, int64_t first, int64_t valid,
                        const TileScratch& scratch, float* sums, float* square_sums) {
  const AttendArgs& args = *work.args;
  const int64_t head_dim = args.layout.head_dim;
  const int64_t kv_head = h / work.group;
  KeyRange ranges[kQueryRows];
  for (int64_t r = 0; r < valid; ++r) {
    ranges[r] = visible_rows(args.heads[kv_head], args.query_positions[first + r], args.window);
  }
  const int64_t begin = ranges[0].begin;
  const int64_t end = ranges[valid - 1].end;
  const int64_t first_panel = begin / kPanel;
  const int64_t last_panel = begin < end ? blocks_of(end, kPanel) : first_panel;
  const int64_t base = first_panel * kPanel;
  const int64_t width = (last_panel - first_panel) * kPanel;

  for (int64_t r = 0; r < valid; r += kTileRows) {
    pack_rows(args.q + (first + r) * args.q_stride + h * head_dim, args.q_stride,
              min_of(kTileRows, valid - r), tile_rows_for(valid - r), head_dim, args.scale,
              scratch.queries + r * head_dim);
  }
  score_tile(work, kv_head - work.first_head, valid, first_panel, last_panel, scratch);
  float factors[kQueryRows];
  for (int64_t r = 0; r < valid; ++r) {
    factors[r] = soften_row(args, h, first + r, ranges[r], base, width,
                            scratch.scores + r * scratch.score_stride);
  }
  for (int64_t r = valid; r < round_up(valid, kWideRows); ++r) {
    fill(scratch.scores + r * scratch.score_stride, width, 0);
  }
  if (begin >= end) fill(scratch.out, kQueryRows * work.padded_dim, 0);
  mix_tile(work, kv_head - work.first_head, valid, base, begin, end, scratch);
  for (int64_t r = 0; r < valid; ++r) {
    float* out = args.out + (first + r) * args.out_stride + h * head_dim;
    for (int64_t d = 0; d < head_dim; ++d) {
      out[d] = scratch.out[r * work.padded_dim + d] * factors[r];
    }
  }
  if (sums != nullptr) {
    add_columns(scratch, valid, width, factors, sums + base, square_sums + base);
  }
}

// One query head's tiles part, part + parts, ... (the last, which see most keys, first).
inline void attend_part(const TileWork& work, int64_t member, int64_t part,
                        const TileScratch& scratch) {
  const int64_t h = work.first_head * work.group + member;
  float* sums = nullptr;
  float* square_sums = nullptr;
  if (work.columns) {
    sums = work.partial_of(member, part);
    square_sums = sums + work.padded_keys;
    fill(sums, 2 * work.padded_keys, 0);
  }
  for (int64_t tile = work.tiles - 1 - part; tile >= 0; tile -= work.parts) {
    const int64_t first = tile * kQueryRows;
    attend_tile(work, h, first, min_of(kQueryRows, work.args->rows - first), scratch, sums,
                square_sums);
  }
}

// Adds the parts' columns of one query head, in order, to the caller's.
inline void merge_columns(const TileWork& work, int64_t member) {
  const AttendArgs& args = *work.args;
  const int64_t h = work.first_head * work.group + member;
  const int64_t length = args.heads[h / work.group].length;
  for (int which = 0; which < 2; ++which) {
    float* columns = which == 0 ? args.column_sums : args.column_square_sums;
    if (columns == nullptr) continue;
    for (int64_t j = 0; j < length; ++j) {
      float total = 0;
      for (int64_t part = 0; part < work.parts; ++part) {
        total += work.partial_of(member, part)[which * work.padded_keys + j];
      }
      columns[h * args.column_stride + j] += total;
    }
  }
}

// Packs and attends the KV heads [first_head, first_head + heads).
template <class Stored>
void attend_packed_heads(const TileWork& work, int team, float* scratch_floats,
                         int64_t score_stride) {
  const int64_t panels = work.padded_keys / kPanel;
  const int64_t members = work.heads * work.group;
#pragma omp parallel num_threads(team)
  {
    float* own = scratch_floats + omp_get_thread_num() * tile_scratch_floats(work, score_stride);
    TileScratch scratch;
    scratch.score_stride = score_stride;
    scratch.scores = own;
    scratch.out = scratch.scores + kQueryRows * score_stride;
    scratch.queries = scratch.out + kQueryRows * work.padded_dim;
#pragma omp for schedule(dynamic, 8)
    for (int64_t item = 0; item < work.heads * panels; ++item) {
      const int64_t head = item / panels, panel = item % panels;
      const KeyRange seen = visible_to_all(*work.args, work.first_head + head);
      if (panel * kPanel >= seen.end || (panel + 1) * kPanel <= seen.begin) continue;
      pack_cache_panel<Stored>(work, head, panel);
    }
#pragma omp for schedule(dynamic)
    for (int64_t item = 0; item < members * work.parts; ++item) {
      attend_part(work, item % members, item / members, scratch);
    }
    if (work.columns) {
#pragma omp for schedule(static)
      for (int64_t member = 0; member < members; ++member) merge_columns(work, member);
    }
  }
}

inline void attend_tiles(int threads, const AttendArgs& args) {
  TileWork work;
  work.args = &args;
  work.group = args.q_heads / args.kv_heads;
  work.padded_dim = round_up(args.layout.head_dim, kLanes);
  int64_t longest = 0;
  for (int64_t h = 0; h < args.kv_heads; ++h) longest = max_of(longest, args.heads[h].length);
  work.padded_keys = round_up(max_of(1, longest), kPanel);
  work.tiles = blocks_of(args.rows, kQueryRows);
  work.columns = args.column_sums != nullptr || args.column_square_sums != nullptr;
  work.parts = work.columns ? min_of(kColumnParts, work.tiles) : work.tiles;

  const int64_t key_floats = work.padded_keys * args.layout.head_dim;
  const int64_t value_floats = work.padded_keys * work.padded_dim;
  const int64_t partial_floats = work.columns ? work.group * work.parts * 2 * work.padded_keys : 0;
  const int64_t head_floats = key_floats + value_floats + partial_floats;
  const int64_t batch = max_of(1, min_of(args.kv_heads, kPackedFloats / head_floats));
  const int team = threads_for(threads, batch * work.group * work.parts);
  // An odd number of cache lines: rows of a tile do not meet in the same sets of L1.
  const int64_t score_stride = round_up(work.padded_keys, 32) + 16;
  const Scratch scratch(
      size_t(batch * head_floats + team * tile_scratch_floats(work, score_stride)));
  work.keys = scratch.floats;
  work.values = work.keys + batch * key_floats;
  work.partial = work.values + batch * value_floats;
  float* thread_floats = work.partial + batch * partial_floats;

  with_stored(args.layout.dtype, [&](auto stored) {
    using Stored = decltype(stored);
    for (int64_t head = 0; head < args.kv_heads; head += batch) {
      work.first_head = head;
      work.heads = min_of(batch, args.kv_heads - head);
      attend_packed_heads<Stored>(work, team, thread_floats, score_stride);
    }
  });
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
