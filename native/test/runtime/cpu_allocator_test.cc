#include "runtime/cpu_allocator.h"

#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>

#include "test/test.h"

namespace kappa {
namespace {

#if !defined(__SANITIZE_ADDRESS__)
TEST("tensors take their memory from the cache of blocks, and older ones find the way back to theirs") {
  at::Tensor older = at::ones({1 << 20});
  c10::Allocator* before = c10::GetCPUAllocator();
  install_cpu_allocator();
  EXPECT(c10::GetCPUAllocator() != before);
  older = at::Tensor();
  const int64_t taken = cpu_memory().taken;
  {
    const at::Tensor tensor = at::full({1 << 20}, 3.0f);
    EXPECT(cpu_memory().taken == taken + (4 << 20));
    const at::Tensor view = tensor.view({1024, 1024}).slice(0, 1, 5);
    EXPECT(cpu_memory().taken == taken + (4 << 20));
    EXPECT(view.sum().item<float>() == 3.0f * 4 * 1024);
    const at::Tensor empty = at::empty({0});
    EXPECT(empty.numel() == 0);
  }
  EXPECT(cpu_memory().taken == taken);
  EXPECT(cpu_memory().reserved > taken);
  release_cpu_memory();
  EXPECT(cpu_memory().reserved == taken);
  // What LibTorch's own allocator gave before may come back to this one.
  void* raw = before->raw_allocate(1 << 20);
  c10::GetCPUAllocator()->raw_deallocate(raw);
  c10::SetCPUAllocator(before, 100);
}
#endif

}  // namespace
}  // namespace kappa
