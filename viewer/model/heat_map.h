// How many KV heads keep each token of each layer, and what a picture of at most one column per
// pixel shows of it.
//
// Counts have a pyramid over the tokens, so that a view costs the same however long the prompt is,
// and a move of the replay position changes only what was evicted in between.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "viewer/model/replay_state.h"
#include "viewer/model/session.h"

namespace kvreel::viewer {

// Columns of equal width: column c holds the tokens [first + c * width, first + (c + 1) * width),
// the last one perhaps fewer.
struct MapColumns {
  int32_t first = 0;
  int32_t width = 1;
  int32_t count = 0;
  bool operator==(const MapColumns&) const = default;
};

// At most one column per pixel (and one more where the view begins inside one) for the visible
// tokens [begin, end). Columns begin at multiples of their width, so that they stand still while
// the view moves.
MapColumns map_columns(int32_t tokens, double begin, double end, int pixels);

class KeptMap {
 public:
  KeptMap() = default;
  KeptMap(const ReplayIndex& index, std::span<const int32_t> limits);

  // To other limits of the same index.
  void update(const ReplayIndex& index, std::span<const int32_t> limits);

  int layers() const { return layers_; }
  int32_t tokens() const { return tokens_; }
  int heads() const { return heads_; }
  // KV heads that keep a token, out of heads().
  int at(int layer, int32_t token) const {
    return counts_[static_cast<size_t>(layer) * static_cast<size_t>(tokens_) +
                   static_cast<size_t>(token)];
  }
  // Share of heads over the tokens [begin, end), aggregated.
  double share(int layer, int32_t begin, int32_t end, Aggregation aggregation) const;
  // out: [layers][columns.count], shares 0..1.
  void resample(const MapColumns& columns, Aggregation aggregation, std::span<float> out) const;
  uint64_t bytes() const;

 private:
  struct Level {
    int32_t block = 0;          // tokens
    int32_t blocks = 0;         // of a layer
    std::vector<uint32_t> sum;  // [layers][blocks]
    std::vector<uint8_t> least;
    std::vector<uint8_t> most;
  };
  struct Cell {
    uint32_t sum = 0;
    uint8_t least = 255;
    uint8_t most = 0;
  };

  void count_layer(const ReplayIndex& index, int layer, std::span<const int32_t> limits);
  void build(int layer, int32_t begin, int32_t end);  // the pyramid over changed tokens
  Cell raw(int layer, int32_t begin, int32_t end) const;
  Cell blocks(const Level& level, int layer, int32_t begin, int32_t end) const;
  // The widest blocks that both are multiples of; null: none.
  const Level* level_for(int32_t begin, int32_t width) const;
  Cell cell(int layer, int32_t begin, int32_t end) const;
  double value(const Cell& cell, int32_t tokens, Aggregation aggregation) const;

  int layers_ = 0;
  int32_t tokens_ = 0;
  int heads_ = 1;
  std::vector<int32_t> limits_;
  std::vector<uint8_t> counts_;  // [layers][tokens]
  std::vector<Level> levels_;
};

}  // namespace kvreel::viewer
