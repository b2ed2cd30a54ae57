// What allocators hold, as JavaScript sees it.
#pragma once
#include "runtime/block_cache.h"
#include "runtime/describe.h"

namespace kappa {

template <>
struct Fields<MemoryUse> {
  static constexpr const char* name = "MemoryUse";
  static constexpr std::tuple list{
      Field{"allocated", &MemoryUse::taken}, Field{"peakAllocated", &MemoryUse::peak_taken},
      Field{"reserved", &MemoryUse::reserved}, Field{"peakReserved", &MemoryUse::peak_reserved}};
};

}  // namespace kappa
