// CUDA devices as far as JavaScript deals with them: what there is, memory, streams. Without CUDA in the
// build, or without a GPU, every function says so.
#pragma once
#include <c10/core/Device.h>

#include "runtime/precision.h"

namespace kappa {
class Registry;

/// Whether products in this precision have units of their own on the GPU.
bool cuda_is_fast_in(Precision precision, const at::Device& device);

void register_cuda(Registry& registry);
}  // namespace kappa
