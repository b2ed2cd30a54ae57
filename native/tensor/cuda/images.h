#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace kappa::cuda {

/// images_to_tensor (tensor/images.h) for a CUDA device: the bytes go up through pinned memory on a stream of
/// their own, while the device computes what was asked of it before; everything else is one kernel there,
/// which waits for them. The caller's bytes may change when this returns; the host waits for nothing.
at::Tensor images_to_device(const uint8_t* pixels, int64_t batch, int64_t height, int64_t width,
                            const uint8_t* flips, const at::Device& device);

}  // namespace kappa::cuda
