// Counting kept heads, the pyramid over them, and resampling.
#include "viewer/model/heat_map.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kvreel::viewer {
namespace {

constexpr int32_t kFirstBlock = 16;   // tokens; below that, counts are read one by one
constexpr int32_t kColumnBlocks = 8;  // a column of many tokens is made of 8 to 16 blocks

}  // namespace

MapColumns map_columns(int32_t tokens, double begin, double end, int pixels) {
  MapColumns columns;
  if (tokens <= 0 || pixels <= 0) return columns;
  begin = std::clamp(begin, 0., static_cast<double>(tokens));
  end = std::clamp(end, begin, static_cast<double>(tokens));
  const double visible = std::max(end - begin, 1.);
  columns.width = std::max(1, static_cast<int32_t>(std::ceil(visible / pixels)));
  if (columns.width >= kColumnBlocks * kFirstBlock) {
    // Whole blocks: up to an eighth wider, and then every column costs the same.
    const auto grain =
        static_cast<int32_t>(std::bit_floor(static_cast<uint32_t>(columns.width / kColumnBlocks)));
    columns.width = (columns.width + grain - 1) / grain * grain;
  }
  columns.first = static_cast<int32_t>(begin) / columns.width * columns.width;
  const auto last = std::min(static_cast<int32_t>(std::ceil(end)), tokens);
  columns.count = std::max(1, (last - columns.first + columns.width - 1) / columns.width);
  return columns;
}

KeptMap::KeptMap(const ReplayIndex& index, std::span<const int32_t> limits)
    : layers_(index.layers()),
      tokens_(index.tokens()),
      heads_(index.heads()),
      limits_(limits.begin(), limits.end()),
      counts_(static_cast<size_t>(layers_) * static_cast<size_t>(tokens_)) {
  for (int32_t block = kFirstBlock; block < 2 * tokens_; block *= 2) {
    Level level;
    level.block = block;
    level.blocks = (tokens_ + block - 1) / block;
    const size_t size = static_cast<size_t>(layers_) * static_cast<size_t>(level.blocks);
    level.sum.resize(size);
    level.least.resize(size);
    level.most.resize(size);
    levels_.push_back(std::move(level));
  }
  for (int layer = 0; layer < layers_; ++layer) {
    count_layer(index, layer, limits);
    build(layer, 0, tokens_);
  }
}

void KeptMap::count_layer(const ReplayIndex& index, int layer, std::span<const int32_t> limits) {
  const auto tokens = static_cast<size_t>(tokens_);
  uint8_t* const counts = counts_.data() + static_cast<size_t>(layer) * tokens;
  const std::span<const ReplayIndex::Lane> lanes = index.lanes(layer);
  const auto weight = static_cast<uint8_t>(heads_ / static_cast<int>(lanes.size()));
  std::fill(counts, counts + tokens, uint8_t{0});
  for (size_t i = 0; i < lanes.size(); ++i) {
    if (!lanes[i].order) {
      for (size_t token = 0; token < tokens; ++token) {
        counts[token] = static_cast<uint8_t>(counts[token] + weight);
      }
      continue;
    }
    const int32_t limit = limits[index.first_lane(layer) + i];
    const int32_t* const order = lanes[i].order->data();
    for (size_t token = 0; token < tokens; ++token) {
      counts[token] = static_cast<uint8_t>(counts[token] + (order[token] >= limit ? weight : 0));
    }
  }
}

void KeptMap::update(const ReplayIndex& index, std::span<const int32_t> limits) {
  for (int layer = 0; layer < layers_; ++layer) {
    const std::span<const ReplayIndex::Lane> lanes = index.lanes(layer);
    const size_t first = index.first_lane(layer);
    int64_t moved = 0;
    bool walk = true;  // every lane that moves can be walked along its ranking
    for (size_t i = 0; i < lanes.size(); ++i) {
      const int64_t by = std::abs(int64_t{limits[first + i]} - limits_[first + i]);
      moved += by;
      if (by > 0 && lanes[i].ranking == nullptr) walk = false;
    }
    if (moved == 0) continue;
    // Scattered writes cost some ten times as much as counting a token anew.
    if (!walk || moved > static_cast<int64_t>(tokens_) * static_cast<int64_t>(lanes.size()) / 8) {
      count_layer(index, layer, limits);
      build(layer, 0, tokens_);
      continue;
    }
    const auto weight = static_cast<uint8_t>(heads_ / static_cast<int>(lanes.size()));
    uint8_t* const counts =
        counts_.data() + static_cast<size_t>(layer) * static_cast<size_t>(tokens_);
    int32_t begin = tokens_;
    int32_t end = 0;
    for (size_t i = 0; i < lanes.size(); ++i) {
      const int32_t from = limits_[first + i];
      const int32_t to = limits[first + i];
      for (int32_t e = std::min(from, to); e < std::max(from, to); ++e) {
        const int32_t token = (*lanes[i].ranking)[static_cast<size_t>(e)];
        // A damaged ranking may name a token twice, or one that is none.
        if (token < 0 || token >= tokens_) continue;
        if ((*lanes[i].order)[static_cast<size_t>(token)] != e) continue;
        counts[token] =
            static_cast<uint8_t>(from < to ? counts[token] - weight : counts[token] + weight);
        begin = std::min(begin, token);
        end = std::max(end, token + 1);
      }
    }
    if (begin < end) build(layer, begin, end);
  }
  limits_.assign(limits.begin(), limits.end());
}

KeptMap::Cell KeptMap::raw(int layer, int32_t begin, int32_t end) const {
  const uint8_t* const counts =
      counts_.data() + static_cast<size_t>(layer) * static_cast<size_t>(tokens_);
  Cell cell;
  for (int32_t token = begin; token < end; ++token) {
    const uint8_t count = counts[token];
    cell.sum += count;
    cell.least = std::min(cell.least, count);
    cell.most = std::max(cell.most, count);
  }
  return cell;
}

KeptMap::Cell KeptMap::blocks(const Level& level, int layer, int32_t begin, int32_t end) const {
  const size_t row = static_cast<size_t>(layer) * static_cast<size_t>(level.blocks);
  Cell cell;
  for (size_t i = row + static_cast<size_t>(begin); i < row + static_cast<size_t>(end); ++i) {
    cell.sum += level.sum[i];
    cell.least = std::min(cell.least, level.least[i]);
    cell.most = std::max(cell.most, level.most[i]);
  }
  return cell;
}

void KeptMap::build(int layer, int32_t begin, int32_t end) {
  for (size_t l = 0; l < levels_.size(); ++l) {
    Level& level = levels_[l];
    const size_t row = static_cast<size_t>(layer) * static_cast<size_t>(level.blocks);
    const int32_t first = begin / level.block;
    const int32_t last = std::min((end - 1) / level.block, level.blocks - 1);
    for (int32_t block = first; block <= last; ++block) {
      Cell cell;
      if (l == 0) {
        cell = raw(layer, block * level.block, std::min((block + 1) * level.block, tokens_));
      } else {
        const Level& below = levels_[l - 1];
        cell = blocks(below, layer, 2 * block, std::min(2 * block + 2, below.blocks));
      }
      const size_t at = row + static_cast<size_t>(block);
      level.sum[at] = cell.sum;
      level.least[at] = cell.least;
      level.most[at] = cell.most;
    }
  }
}

const KeptMap::Level* KeptMap::level_for(int32_t begin, int32_t width) const {
  const Level* fitting = nullptr;
  for (const Level& level : levels_) {
    if (begin % level.block != 0 || width % level.block != 0) break;
    fitting = &level;
  }
  return fitting;
}

KeptMap::Cell KeptMap::cell(int layer, int32_t begin, int32_t end) const {
  // The last block of a layer may reach past its end.
  const int32_t width = end - begin;
  const Level* const level =
      level_for(begin, end == tokens_ && width > kFirstBlock ? kFirstBlock : width);
  if (level == nullptr) return raw(layer, begin, end);
  return blocks(*level, layer, begin / level->block, (end + level->block - 1) / level->block);
}

double KeptMap::value(const Cell& cell, int32_t tokens, Aggregation aggregation) const {
  const double heads = heads_;
  switch (aggregation) {
    case Aggregation::max:
      return cell.most / heads;
    case Aggregation::min:
      return cell.least / heads;
    case Aggregation::mean:
      break;
  }
  return static_cast<double>(cell.sum) / (heads * tokens);
}

double KeptMap::share(int layer, int32_t begin, int32_t end, Aggregation aggregation) const {
  begin = std::clamp(begin, 0, tokens_);
  end = std::clamp(end, begin, tokens_);
  if (begin == end) return 0;
  return value(cell(layer, begin, end), end - begin, aggregation);
}

void KeptMap::resample(const MapColumns& columns, Aggregation aggregation,
                       std::span<float> out) const {
  // All columns have the same width and begin at multiples of it, so that one level serves them
  // all. Only what the aggregation needs is read.
  const Level* const level = level_for(columns.first, columns.width);
  const int32_t unit = level == nullptr ? 1 : level->block;
  const int32_t units = level == nullptr ? tokens_ : level->blocks;
  const double heads = heads_;
  const auto fill = [&](const auto* values, auto combine, auto start, bool mean) {
    for (int layer = 0; layer < layers_; ++layer) {
      const auto* const row = values + static_cast<size_t>(layer) * static_cast<size_t>(units);
      float* const to =
          out.data() + static_cast<size_t>(layer) * static_cast<size_t>(columns.count);
      for (int32_t column = 0; column < columns.count; ++column) {
        const int32_t begin = columns.first + column * columns.width;
        const int32_t end = std::min(begin + columns.width, tokens_);
        auto cell = start;
        for (int32_t i = begin / unit; i < (end + unit - 1) / unit; ++i) {
          cell = combine(cell, row[i]);
        }
        const double of = mean ? heads * (end - begin) : heads;
        to[column] = static_cast<float>(static_cast<double>(cell) / of);
      }
    }
  };
  const auto sum = [](uint32_t a, uint32_t b) { return a + b; };
  const auto most = [](uint8_t a, uint8_t b) { return std::max(a, b); };
  const auto least = [](uint8_t a, uint8_t b) { return std::min(a, b); };
  switch (aggregation) {
    case Aggregation::mean:
      if (level != nullptr) {
        fill(level->sum.data(), sum, uint32_t{0}, true);
      } else {
        fill(counts_.data(), sum, uint32_t{0}, true);
      }
      break;
    case Aggregation::max:
      fill(level == nullptr ? counts_.data() : level->most.data(), most, uint8_t{0}, false);
      break;
    case Aggregation::min:
      fill(level == nullptr ? counts_.data() : level->least.data(), least, uint8_t{255}, false);
      break;
  }
}

uint64_t KeptMap::bytes() const {
  uint64_t bytes = counts_.size();
  for (const Level& level : levels_) bytes += level.sum.size() * 6;
  return bytes;
}

}  // namespace kvreel::viewer
