// LibTorch's memory on the CPU: large tensors from a cache of blocks (runtime/block_cache.h), small ones from
// LibTorch's own allocator. The rest of the process keeps the allocator that it has.
#pragma once
#include "runtime/block_cache.h"

namespace kappa {

/// From now on tensors on the CPU get their memory here. Once a process; later calls do nothing.
void install_cpu_allocator();

/// What the cache of blocks holds; tensors of less than 16 KiB are not counted.
MemoryUse cpu_memory();
void reset_peak_cpu_memory();
/// Gives memory that no tensor uses back to the system.
void release_cpu_memory();

}  // namespace kappa
