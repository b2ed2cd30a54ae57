// The walk over the class centres (head/centre_walk.h) on a CUDA device: products by cuBLAS, the rest by the
// kernels of this folder, on the current stream and without waiting for the device.
#pragma once
#include "head/centre_walk.h"

namespace kappa::cuda {

/// As kappa::walk_forward. Labels may be on the CPU, where they were checked, or on the device.
SoftmaxResult walk_forward(const at::Tensor& embeddings_BD, const ClassShard& shard,
                           const at::Tensor& labels_B, const at::Tensor& margins_C,
                           const MarginSoftmaxOptions& options, const SoftmaxWishes& wishes,
                           ShardReduction* reduction);

/// As kappa::walk_gradient.
void walk_gradient(const std::vector<WeightedPass>& passes, const at::Tensor& centres_CD,
                   at::Tensor& gradient_CD);

/// As kappa::walk_update.
void walk_update(const std::vector<WeightedPass>& passes, const at::Tensor& centres_CD,
                 const at::Tensor& velocity_CD, const SgdOptions& step);

}  // namespace kappa::cuda
