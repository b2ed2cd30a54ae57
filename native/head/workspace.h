// Memory of the head that stays from step to step.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kappa {

/// Memory that outlives a pass, so that a training step allocates nothing after the first one.
class Workspace {
 public:
  explicit Workspace(const c10::Device& device = at::kCPU) : device_(device) {}

  /// At least `bytes` bytes, 64-byte aligned; the content is whatever it was.
  void* scratch(size_t slot, size_t bytes);
  /// The same for what a pass keeps; comes back by `give_back`.
  at::Tensor borrow(size_t bytes);
  void give_back(at::Tensor&& buffer);

  /// The centres at length 1 in the type of the products, where a device keeps them from step to step.
  struct UnitCentres {
    at::Tensor units;
    const void* of = nullptr;  // the centres' memory
    uint32_t version = 0;      // of the centres, as autograd counts what others write there
  };
  UnitCentres unit_centres;

  /// Bytes for exponentials, where the device has a say in it; below 0: not asked yet.
  int64_t device_budget = -1;

 private:
  c10::Device device_;
  std::vector<at::Tensor> scratch_;
  std::vector<at::Tensor> spare_;
};

}  // namespace kappa
