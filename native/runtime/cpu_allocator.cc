#include "runtime/cpu_allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <c10/util/Exception.h>

#include <mutex>

// Under AddressSanitizer every tensor is malloc's, so that a use after the end is seen.
#if defined(__SANITIZE_ADDRESS__)
#define KAPPA_ALLOCATOR_PASSES_ON
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KAPPA_ALLOCATOR_PASSES_ON
#endif
#endif

namespace kappa {
namespace {

/// Never destroyed: tensors outlive everything.
BlockCache& cache() {
  static auto* blocks = new BlockCache();
  return *blocks;
}

void give_back(void* data) {
  if (data == nullptr) return;
  // A block starts a page. What does not, or is no block, came from LibTorch's own allocator: perhaps before
  // this one was installed.
  const bool starts_page = reinterpret_cast<uintptr_t>(data) % 4096 == 0;
  if (starts_page && cache().give(data)) return;
  c10::free_cpu(data);
}

class CpuAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* data = memory_for(bytes);
    return {data, data, &give_back, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

 private:
  static void* memory_for(size_t bytes) {
#ifndef KAPPA_ALLOCATOR_PASSES_ON
    if (bytes >= BlockCache::smallest) {
      if (void* data = cache().take(bytes)) return data;
      // More mappings than the system allows: malloc may still find a place.
    }
#endif
    try {
      return c10::alloc_cpu(bytes);
    } catch (const c10::Error&) {
      // LibTorch has no class of error for this.
      TORCH_CHECK_WITH(OutOfMemoryError, false, "Not enough memory for a tensor of ", bytes, " bytes.");
    }
  }
};

/// Above the default, which LibTorch registers with 0.
constexpr uint8_t priority = 100;

}  // namespace

void install_cpu_allocator() {
  static std::once_flag once;
  std::call_once(once, [] { c10::SetCPUAllocator(new CpuAllocator(), priority); });
}

MemoryUse cpu_memory() { return cache().use(); }
void reset_peak_cpu_memory() { cache().reset_peaks(); }
void release_cpu_memory() { cache().release(); }

}  // namespace kappa
