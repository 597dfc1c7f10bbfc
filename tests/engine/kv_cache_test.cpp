// The KV cache's pages, positions and byte counts.
#include "engine/cache/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <numeric>
#include <random>

#include "engine/support.h"

namespace kvreel::engine {
namespace {

using testing::contains;
using testing::error_of;

// Host memory that notices pages which are lost, released twice or released with the wrong size.
class CountingMemory final : public KvMemory {
 public:
  ~CountingMemory() override {
    EXPECT_TRUE(live.empty()) << live.size() << " pages were not given back";
  }
  void* allocate(size_t bytes) override {
    void* page = std::malloc(bytes);
    live[page] = bytes;
    return page;
  }
  void release(void* page, size_t bytes) override {
    ASSERT_TRUE(live.contains(page));
    EXPECT_EQ(live[page], bytes);
    live.erase(page);
    std::free(page);
  }
  void compact(const kernels::PageLayout& layout, std::span<void* const> pages,
               std::span<const int64_t> sources) override {
    for (size_t i = 0; i < sources.size(); ++i) {
      *value(layout, pages, static_cast<int64_t>(i)) = *value(layout, pages, sources[i]);
    }
  }
  void read(const kernels::PageLayout& layout, std::span<void* const> pages, int64_t first,
            int64_t count, float* keys, float*) override {
    for (int64_t i = 0; i < count; ++i) keys[i] = *value(layout, pages, first + i);
  }
  void copy(size_t page_bytes, std::span<void* const> from, std::span<void* const> to) override {
    for (size_t i = 0; i < from.size(); ++i) std::memcpy(to[i], from[i], page_bytes);
  }
  // One number stands for a row in these tests: head_dim is 1.
  static float* value(const kernels::PageLayout& layout, std::span<void* const> pages,
                      int64_t row) {
    return static_cast<float*>(pages[static_cast<size_t>(row / layout.page_rows)]) +
           row % layout.page_rows;
  }
  std::map<void*, size_t> live;
};

constexpr KvCache::Shape kShape{
    .layers = 2,
    .kv_heads = 2,
    .page = {.dtype = kernels::DType::f32, .page_rows = 4, .head_dim = 1}};
constexpr uint64_t kRow = 2 * 1 * 4;  // key and value of one fp32 number
constexpr uint64_t kPage = 4 * kRow;

void fill(KvCache& cache, int layer, int32_t first, int64_t count) {
  cache.extend(layer, first, count);
  for (int head = 0; head < 2; ++head) {
    const auto positions = cache.positions(layer, head);
    for (size_t row = positions.size() - static_cast<size_t>(count); row < positions.size();
         ++row) {
      *CountingMemory::value(kShape.page, cache.pages(layer, head), static_cast<int64_t>(row)) =
          static_cast<float>(positions[row]);
    }
  }
}

std::vector<float> rows_of(const KvCache& cache, int layer, int head) {
  std::vector<float> rows;
  for (int64_t row = 0; row < cache.length(layer, head); ++row) {
    rows.push_back(*CountingMemory::value(kShape.page, cache.pages(layer, head), row));
  }
  return rows;
}

TEST(KvCache, CountsWhatIsAskedAndWhatPagesHold) {
  CountingMemory memory;
  KvCache cache(kShape, memory);
  fill(cache, 0, 0, 5);  // 2 pages in each of 2 heads
  EXPECT_EQ(cache.bytes().asked, 2 * 5 * kRow);
  EXPECT_EQ(cache.bytes().held, 2 * 2 * kPage);
  EXPECT_EQ(cache.bytes().held, memory.live.size() * kPage);
  EXPECT_EQ(cache.bytes().peak, cache.bytes().held);
}

TEST(KvCache, GivesPagesBackAndKeepsThePeak) {
  CountingMemory memory;
  KvCache cache(kShape, memory);
  fill(cache, 0, 0, 10);
  const uint64_t before = cache.bytes().held;
  cache.keep(0, -1, KeptSet::of({0, 1, 8, 9}));
  EXPECT_EQ(cache.bytes().asked, 2 * 4 * kRow);
  EXPECT_EQ(cache.bytes().held, 2 * kPage);
  EXPECT_EQ(memory.live.size(), 2u);
  EXPECT_EQ(cache.bytes().peak, before);
  EXPECT_EQ(rows_of(cache, 0, 1), (std::vector<float>{0, 1, 8, 9}));
}

TEST(KvCache, LetsHeadsDiffer) {
  CountingMemory memory;
  KvCache cache(kShape, memory);
  fill(cache, 1, 0, 6);
  cache.keep(1, 0, KeptSet::of({0, 5}));
  EXPECT_EQ(rows_of(cache, 1, 0), (std::vector<float>{0, 5}));
  EXPECT_EQ(cache.length(1, 1), 6);
  EXPECT_EQ(cache.longest(1), 6);
  fill(cache, 1, 6, 1);
  EXPECT_EQ(rows_of(cache, 1, 0), (std::vector<float>{0, 5, 6}));
  EXPECT_EQ(cache.bytes().asked, (3 + 7) * kRow);
}

TEST(KvCache, KeepsWhatAnyRandomSequenceOfCutsLeaves) {
  CountingMemory memory;
  KvCache cache(kShape, memory);
  std::mt19937 random(7);
  std::vector<int32_t> expected;
  int32_t next = 0;
  for (int round = 0; round < 50; ++round) {
    const auto count = static_cast<int64_t>(random() % 9 + 1);
    fill(cache, 0, next, count);
    for (int64_t i = 0; i < count; ++i) expected.push_back(next++);
    std::erase_if(expected, [&](int32_t) { return random() % 3 == 0; });
    cache.keep(0, -1, KeptSet::all(expected));
    const std::vector<float> rows = rows_of(cache, 0, 0);
    ASSERT_EQ(std::vector<float>(expected.begin(), expected.end()), rows);
    ASSERT_EQ(cache.bytes().held, memory.live.size() * kPage);
    ASSERT_EQ(cache.bytes().asked, 2 * expected.size() * kRow);
  }
}

TEST(KvCache, CopiesALayerAsIfItHadBeenFilledAnew) {
  CountingMemory memory;
  KvCache from(kShape, memory);
  fill(from, 0, 0, 10);
  fill(from, 1, 0, 10);
  KvCache to(kShape, memory);
  to.copy_layer(1, from);
  KvCache anew(kShape, memory);
  fill(anew, 1, 0, 10);
  EXPECT_EQ(rows_of(to, 1, 0), rows_of(from, 1, 0));
  EXPECT_EQ(rows_of(to, 1, 1), rows_of(from, 1, 1));
  EXPECT_EQ(to.bytes().asked, anew.bytes().asked);
  EXPECT_EQ(to.bytes().held, anew.bytes().held);
  EXPECT_EQ(to.bytes().peak, anew.bytes().peak);

  // The two are independent from then on.
  to.keep(1, -1, KeptSet::of({8, 9}));
  EXPECT_EQ(rows_of(to, 1, 0), (std::vector<float>{8, 9}));
  EXPECT_EQ(from.length(1, 0), 10);
  EXPECT_EQ(rows_of(from, 1, 0).front(), 0);
}

TEST(KvCache, CopiesOnlyIntoAnEmptyLayerOfTheSameShape) {
  CountingMemory memory;
  KvCache from(kShape, memory);
  fill(from, 0, 0, 3);
  KvCache to(kShape, memory);
  fill(to, 0, 0, 3);
  EXPECT_TRUE(contains(error_of([&] { to.copy_layer(0, from); }), "holds rows already"));
  KvCache::Shape wider = kShape;
  wider.page.page_rows = 8;
  KvCache other(wider, memory);
  EXPECT_TRUE(contains(error_of([&] { other.copy_layer(0, from); }), "another shape"));
}

TEST(KvCache, RefusesPositionsThatItDoesNotHold) {
  CountingMemory memory;
  KvCache cache(kShape, memory);
  fill(cache, 0, 0, 4);
  EXPECT_TRUE(contains(error_of([&] { cache.keep(0, -1, KeptSet::of({2, 9})); }), "position 9"));
  EXPECT_TRUE(contains(error_of([&] { cache.extend(0, 3, 1); }), "Position 3"));
}

TEST(KeptSet, MergesNeighboursAndFindsMembers) {
  const KeptSet set = KeptSet::of({7, 0, 1, 2, 8, 2});
  EXPECT_EQ(set.ranges(), (std::vector<PositionRange>{{0, 3}, {7, 9}}));
  EXPECT_EQ(set.count(), 5);
  EXPECT_TRUE(set.contains(0));
  EXPECT_TRUE(set.contains(8));
  EXPECT_FALSE(set.contains(3));
  EXPECT_FALSE(set.contains(9));
  EXPECT_FALSE(set.contains(-1));
}

}  // namespace
}  // namespace kvreel::engine
