// Batch normalisation over the batches of all ranks together.
#pragma once
#include <ATen/core/Tensor.h>

#include "runtime/shard_group.h"

namespace kappa {

struct BatchNormTensors {
  at::Tensor weight, bias;               // float32 (C)
  at::Tensor running_mean, running_var;  // float32 (C), updated
};

/// Normalises by mean and variance over the batches of all ranks, which may differ in size. Differentiable by
/// the inputs, the weight and the bias; the gradients of weight and bias are this rank's share of the sum
/// over the ranks.
/// @param inputs (N, C) or (N, C, H, W)
at::Tensor synced_batch_norm(const at::Tensor& inputs, const BatchNormTensors& tensors, double momentum,
                             double epsilon, ShardGroup& group);

}  // namespace kappa
