// Memory for large tensors, kept between uses. Tensors of the same sizes come and go at every step; given
// back to the system each time, their pages would be cleared and faulted in again, which costs up to a third
// of a step. Which arena of malloc a thread happens to get does not matter here.
//
// - Sizes are rounded up to classes, eight to a doubling; a freed block waits in its class for the next one.
// - Blocks from 2 MiB on start at such a boundary and ask for large pages.
// - Bounded: taken and waiting blocks together are at most 5/4 of what was asked for at the highest of the
//   last 30 to 60 seconds, and 64 MiB; the block that has waited longest goes first. A block that nobody took
//   for 30 seconds goes as well, and all go when the owner says that nothing runs.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace kappa {

/// What a block cache holds, in bytes of whole blocks.
struct MemoryUse {
  int64_t taken = 0;
  int64_t peak_taken = 0;
  int64_t reserved = 0;  // taken and waiting
  int64_t peak_reserved = 0;
  int64_t fetched = 0;  // blocks that came from the system, all in all
};

class BlockCache {
 public:
  using Clock = std::chrono::steady_clock;

  /// Smaller pieces are malloc's business.
  static constexpr size_t smallest = size_t{16} << 10;
  static constexpr size_t large_page = size_t{2} << 20;
  static constexpr int64_t slack = int64_t{64} << 20;
  static constexpr std::chrono::seconds patience{30};

  BlockCache() = default;
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// The size of the block that `bytes` would get; from `smallest` on.
  static size_t rounded(size_t bytes);

  /// A block of at least `bytes`, aligned to a page; null where the system has no more memory. Its content is
  /// not defined.
  void* take(size_t bytes, Clock::time_point now = Clock::now());

  /// Takes a block back. False, and nothing done, for a pointer that is no block's.
  bool give(void* data, Clock::time_point now = Clock::now());

  /// Gives all waiting blocks back to the system.
  void release();

  MemoryUse use() const;
  /// Starts the peaks of `use` anew.
  void reset_peaks();

 private:
  struct Waiting {
    void* data;
    Clock::time_point since;
  };
  struct Taken {
    size_t index;   // the block's class
    int64_t asked;  // bytes of the class that was asked for, which may be a smaller one
  };
  struct Piece {
    void* data;
    size_t bytes;
  };
  // At the bound blocks of up to four times the size are taken.
  static constexpr size_t largest_detour = 16;
  // Eight classes a doubling, from 16 KiB to 2^56 bytes.
  static constexpr size_t class_count = 8 * 43;

  static size_t class_of(size_t bytes);
  static size_t class_bytes(size_t index);
  void* reuse(size_t index);
  void drop_front(size_t index, std::vector<Piece>& out);
  void drop_old(Clock::time_point now, std::vector<Piece>& out);
  int64_t bound() const;
  void drop_surplus(std::vector<Piece>& out);

  mutable std::mutex mutex_;
  std::array<std::deque<Waiting>, class_count> waiting_;  // by class, longest wait first
  std::unordered_map<void*, Taken> taken_;                // by address
  MemoryUse use_;
  int64_t asked_ = 0;        // bytes that are asked for: what the bound goes by
  int64_t window_peak_ = 0;  // their highest of this stretch of time, and of the one before
  int64_t last_window_peak_ = 0;
  Clock::time_point window_start_{};
};

}  // namespace kappa
