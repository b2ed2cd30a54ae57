// Devices that tensors may be on.
#pragma once
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/Device.h>

#include "runtime/error.h"

namespace kappa {

/// Throws ERR_DEVICE unless this build and this machine have the device.
inline void require_device(const at::Device& device) {
  if (device.is_cpu()) return;
  require(device.is_cuda() && at::hasCUDA(), "ERR_DEVICE", "The device ", device.str(),
          " is not available: this build or this machine has no CUDA. Use 'cpu'.");
  const auto count = at::detail::getCUDAHooks().deviceCount();
  require(!device.has_index() || device.index() < count, "ERR_DEVICE", "The device ", device.str(),
          " is not available: this machine has ", static_cast<int>(count), ".");
}

}  // namespace kappa
