#include "runtime/block_cache.h"

#include <cstring>
#include <thread>

#include "test/test.h"

namespace kappa {
namespace {

using std::chrono::seconds;

constexpr size_t kib = 1024;
constexpr size_t mib = 1024 * kib;

bool is_aligned(const void* data, size_t to) { return reinterpret_cast<uintptr_t>(data) % to == 0; }

TEST("a block has the size that was asked for and at most an eighth more, in whole pages") {
  size_t before = 0;
  for (size_t bytes = BlockCache::smallest; bytes < 64 * mib; bytes += bytes / 37 + 1) {
    const size_t size = BlockCache::rounded(bytes);
    EXPECT(size >= bytes);
    EXPECT(size % 4096 == 0);
    EXPECT(size <= bytes + bytes / 8 + 4096);
    EXPECT(size >= before);
    before = size;
  }
  EXPECT(BlockCache::rounded(1) == BlockCache::smallest);
  EXPECT(BlockCache::rounded(32 * mib) == 32 * mib);
  EXPECT(BlockCache::rounded(32 * mib + 1) == 36 * mib);
  EXPECT(BlockCache::rounded(size_t{1} << 40) == size_t{1} << 40);
}

TEST("a block that was given back is taken again, content and all; large ones begin a large page") {
  BlockCache cache;
  void* small = cache.take(100 * kib);
  void* large = cache.take(9 * mib);
  EXPECT(small != nullptr && large != nullptr);
  EXPECT(is_aligned(small, 4096));
#ifdef __linux__
  EXPECT(is_aligned(large, BlockCache::large_page));
#endif
  std::memset(small, 7, 100 * kib);
  std::memset(large, 8, 9 * mib);
  EXPECT(cache.use().taken == static_cast<int64_t>(BlockCache::rounded(100 * kib) + 9 * mib));
  EXPECT(cache.give(large));
  EXPECT(cache.give(small));
  EXPECT(!cache.give(small));
  EXPECT(cache.use().taken == 0);
  const int64_t reserved = cache.use().reserved;
  EXPECT(reserved == static_cast<int64_t>(BlockCache::rounded(100 * kib) + 9 * mib));
  EXPECT(cache.take(101 * kib) == small);
  EXPECT(static_cast<char*>(small)[99 * kib] == 7);
  EXPECT(cache.take(9 * mib - 5) == large);
  EXPECT(cache.use().reserved == reserved);
  EXPECT(cache.give(small) && cache.give(large));
}

TEST("a pointer that is no block's is not taken back") {
  BlockCache cache;
  int local = 0;
  EXPECT(!cache.give(&local));
  EXPECT(!cache.give(nullptr));
}

TEST("what cannot be had is null, and counts as nothing") {
  BlockCache cache;
  EXPECT(cache.take(size_t{1} << 60) == nullptr);
  EXPECT(cache.take(size_t{1} << 54) == nullptr);
  EXPECT(cache.use().taken == 0 && cache.use().reserved == 0);
}

TEST("blocks in use and waiting are at most 5/4 of the highest use, and 64 MiB") {
  BlockCache cache;
  // Sizes that never come again.
  for (size_t round = 0; round < 60; ++round) {
    void* block = cache.take((100 + round) * mib);
    EXPECT(block != nullptr);
    EXPECT(cache.give(block));
    const int64_t highest = static_cast<int64_t>(BlockCache::rounded((100 + round) * mib));
    EXPECT(cache.use().reserved <= highest + highest / 4 + BlockCache::slack);
  }
  EXPECT(cache.use().peak_reserved <=
         160 * 5 / 4 * static_cast<int64_t>(mib) + BlockCache::slack + 40 * static_cast<int64_t>(mib));
  cache.release();
  EXPECT(cache.use().reserved == 0);
}

TEST("a step that comes again and again asks the system for nothing after the first") {
  BlockCache cache;
  const auto step = [&] {
    std::vector<void*> blocks;
    for (size_t i = 1; i <= 40; ++i) blocks.push_back(cache.take(i * 150 * kib));
    for (size_t i = 1; i <= 20; ++i) EXPECT(cache.give(blocks[2 * i - 1]));
    for (size_t i = 1; i <= 20; ++i) blocks[2 * i - 1] = cache.take(2 * i * 150 * kib);
    for (void* block : blocks) EXPECT(cache.give(block));
  };
  step();
  const int64_t reserved = cache.use().reserved;
  for (int round = 0; round < 10; ++round) step();
  EXPECT(cache.use().reserved == reserved);
  EXPECT(cache.use().peak_reserved == reserved);
}

TEST(
    "a step whose blocks together are beyond the bound makes do with larger ones, and asks for nothing in "
    "the end") {
  BlockCache cache;
  // One size after the other, each for many blocks: a class for each would need several times what is in use.
  const auto step = [&] {
    for (size_t size = 64; size > 16; size -= 5) {
      std::vector<void*> blocks;
      for (size_t i = 0; i < 12; ++i) blocks.push_back(cache.take(size * mib / 4));
      for (void* block : blocks) EXPECT(block != nullptr && cache.give(block));
    }
  };
  for (int round = 0; round < 3; ++round) step();
  const MemoryUse before = cache.use();
  for (int round = 0; round < 5; ++round) step();
  const MemoryUse after = cache.use();
  EXPECT(after.fetched == before.fetched);
  // By what was asked for, not by the larger blocks that stood in for it.
  const auto highest = static_cast<int64_t>(12 * BlockCache::rounded(16 * mib));
  EXPECT(after.peak_reserved <= highest * 5 / 4 + BlockCache::slack);
}

TEST("a block that nobody takes for half a minute goes back while others work") {
  BlockCache cache;
  BlockCache::Clock::time_point now{seconds(1000)};
  void* once = cache.take(200 * mib, now);
  EXPECT(cache.give(once, now));
  const auto work = [&] {
    void* block = cache.take(mib, now);
    EXPECT(cache.give(block, now));
  };
  for (int second = 0; second < 29; ++second, now += seconds(1)) work();
  EXPECT(cache.use().reserved >= static_cast<int64_t>(200 * mib));
  for (int second = 0; second < 40; ++second, now += seconds(1)) work();
  EXPECT(cache.use().reserved == static_cast<int64_t>(mib));
}

TEST("threads take and give blocks at once") {
  BlockCache cache;
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (size_t round = 0; round < 300; ++round) {
        const size_t bytes = (20 + 13 * (round % 50)) * kib;
        auto* block = static_cast<unsigned char*>(cache.take(bytes));
        std::memset(block, thread + 1, bytes);
        for (size_t i = 0; i < bytes; i += 4096) wrong += block[i] != thread + 1;
        if (!cache.give(block)) wrong += 1;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT(wrong == 0);
  EXPECT(cache.use().taken == 0);
}

}  // namespace
}  // namespace kappa
