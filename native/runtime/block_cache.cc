#include "runtime/block_cache.h"

#include <algorithm>
#include <bit>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <sys/mman.h>
#endif

namespace kappa {
namespace {

#ifdef _WIN32
void* map(size_t bytes) { return VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE); }
void unmap(void* data, size_t) { VirtualFree(data, 0, MEM_RELEASE); }
#else
void* map_pages(size_t bytes) {
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return data == MAP_FAILED ? nullptr : data;
}

void unmap(void* data, size_t bytes) { munmap(data, bytes); }

void* map(size_t bytes) {
  if (bytes < BlockCache::large_page) return map_pages(bytes);
  // One large page more, then cut to where large pages begin.
  auto* whole = static_cast<char*>(map_pages(bytes + BlockCache::large_page));
  if (whole == nullptr) return nullptr;
  const auto past = reinterpret_cast<uintptr_t>(whole) % BlockCache::large_page;
  const size_t before = past == 0 ? 0 : BlockCache::large_page - past;
  char* data = whole + before;
  if (before > 0) munmap(whole, before);
  munmap(data + bytes, BlockCache::large_page - before);
#ifdef MADV_HUGEPAGE
  madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return data;
}
#endif

}  // namespace

BlockCache::~BlockCache() { release(); }

size_t BlockCache::class_of(size_t bytes) {
  if (bytes <= smallest) return 0;
  // The doubling above which `bytes` lies, and the eighth of it in which.
  const int doubling = std::bit_width(bytes - 1) - 1;
  const size_t base = size_t{1} << doubling;
  const size_t eighth = (bytes - base + base / 8 - 1) / (base / 8);
  return static_cast<size_t>(doubling - 14) * 8 + eighth;
}

size_t BlockCache::class_bytes(size_t index) {
  const size_t base = smallest << (index / 8);
  // Whole pages of 4 KiB: the eighths of the lowest doubling are half a page.
  return (base + index % 8 * (base / 8) + 4095) / 4096 * 4096;
}

size_t BlockCache::rounded(size_t bytes) { return class_bytes(class_of(bytes)); }

void* BlockCache::reuse(size_t index) {
  auto& blocks = waiting_[index];
  if (blocks.empty()) return nullptr;
  // The block that came last is the one whose content is still in the processor's caches.
  void* data = blocks.back().data;
  blocks.pop_back();
  return data;
}

void* BlockCache::take(size_t bytes, Clock::time_point now) {
  if (bytes > size_t{1} << 55) return nullptr;
  size_t index = class_of(bytes);
  const auto asked = static_cast<int64_t>(class_bytes(index));
  int64_t size = asked;
  const auto count = [&](void* data) {
    taken_.emplace(data, Taken{index, asked});
    use_.taken += size;
    use_.peak_taken = std::max(use_.peak_taken, use_.taken);
    asked_ += asked;
    window_peak_ = std::max(window_peak_, asked_);
    use_.peak_reserved = std::max(use_.peak_reserved, use_.reserved);
    return data;
  };
  std::vector<Piece> surplus;
  void* data = nullptr;
  {
    std::lock_guard lock(mutex_);
    if (window_start_ == Clock::time_point{}) window_start_ = now;
    data = reuse(index);
    // At the bound a larger block is better than one that must be fetched for one that must be given up.
    const size_t largest = std::min(index + largest_detour, class_count - 1);
    for (size_t larger = index; data == nullptr && use_.reserved + size > bound() && larger < largest;) {
      data = reuse(++larger);
      if (data != nullptr) size = static_cast<int64_t>(class_bytes(index = larger));
    }
    if (data != nullptr) return count(data);
    // Room within the bound is made before more is asked for.
    use_.reserved += size;
    window_peak_ = std::max(window_peak_, asked_ + asked);
    drop_surplus(surplus);
  }
  for (const Piece& piece : surplus) unmap(piece.data, piece.bytes);
  data = map(static_cast<size_t>(size));
  if (data == nullptr) {
    release();
    data = map(static_cast<size_t>(size));
  }
  std::lock_guard lock(mutex_);
  if (data == nullptr) {
    use_.reserved -= size;
    return nullptr;
  }
  use_.fetched += 1;
  return count(data);
}

bool BlockCache::give(void* data, Clock::time_point now) {
  std::vector<Piece> out;
  {
    std::lock_guard lock(mutex_);
    const auto found = taken_.find(data);
    if (found == taken_.end()) return false;
    const auto [index, asked] = found->second;
    taken_.erase(found);
    use_.taken -= static_cast<int64_t>(class_bytes(index));
    asked_ -= asked;
    waiting_[index].push_back({data, now});
    if (now - window_start_ >= patience) drop_old(now, out);
    drop_surplus(out);
  }
  for (const Piece& piece : out) unmap(piece.data, piece.bytes);
  return true;
}

void BlockCache::release() {
  std::vector<Piece> out;
  {
    std::lock_guard lock(mutex_);
    for (size_t index = 0; index < class_count; ++index) {
      while (!waiting_[index].empty()) drop_front(index, out);
    }
    window_peak_ = last_window_peak_ = asked_;
  }
  for (const Piece& piece : out) unmap(piece.data, piece.bytes);
}

MemoryUse BlockCache::use() const {
  std::lock_guard lock(mutex_);
  return use_;
}

void BlockCache::reset_peaks() {
  std::lock_guard lock(mutex_);
  use_.peak_taken = use_.taken;
  use_.peak_reserved = use_.reserved;
}

void BlockCache::drop_front(size_t index, std::vector<Piece>& out) {
  const size_t bytes = class_bytes(index);
  out.push_back({waiting_[index].front().data, bytes});
  waiting_[index].pop_front();
  use_.reserved -= static_cast<int64_t>(bytes);
}

void BlockCache::drop_old(Clock::time_point now, std::vector<Piece>& out) {
  for (size_t index = 0; index < class_count; ++index) {
    auto& blocks = waiting_[index];
    while (!blocks.empty() && now - blocks.front().since >= patience) drop_front(index, out);
  }
  last_window_peak_ = window_peak_;
  window_peak_ = asked_;
  window_start_ = now;
}

int64_t BlockCache::bound() const {
  const int64_t peak = std::max(window_peak_, last_window_peak_);
  return peak + peak / 4 + slack;
}

void BlockCache::drop_surplus(std::vector<Piece>& out) {
  while (use_.reserved > bound()) {
    // The longest wait of all classes.
    size_t oldest = class_count;
    for (size_t index = 0; index < class_count; ++index) {
      if (waiting_[index].empty()) continue;
      if (oldest == class_count || waiting_[index].front().since < waiting_[oldest].front().since)
        oldest = index;
    }
    if (oldest == class_count) return;  // all that is reserved is taken
    drop_front(oldest, out);
  }
}

}  // namespace kappa
