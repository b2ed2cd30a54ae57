// Memory of the head that stays from step to step.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

namespace kappa {

/// Memory that outlives a pass, so that a training step allocates nothing after the first one.
class Workspace {
 public:
  /// At least `bytes` bytes, 64-byte aligned; the content is whatever it was.
  void* scratch(size_t slot, size_t bytes);
  /// The same for what a pass keeps; comes back by `give_back`.
  at::Tensor borrow(size_t bytes);
  void give_back(at::Tensor&& buffer);

 private:
  std::vector<at::Tensor> scratch_;
  std::vector<at::Tensor> spare_;
};

}  // namespace kappa
