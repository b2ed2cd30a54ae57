// Softmax cross-entropy over cosines to class centres with a margin on the target, as one differentiable
// operation.
#pragma once
#include <ATen/core/Tensor.h>

#include <tuple>

#include "head/margin.h"

namespace kappa {

struct MarginSoftmaxOptions {
  double scale = 64;
  MarginKind kind = MarginKind::angular;
  BeyondPi beyond_pi = BeyondPi::extend;
};

/// Mean loss of a batch, and the cosine of each sample to the centre of its class (not differentiable).
///
/// Gradients flow to the raw embeddings and the raw centres; forward and backward are analytic.
/// Shapes: B batch, C classes, D embedding.
/// @param embeddings_BD float32 or float64, any length; a zero vector gets a zero gradient
/// @param centres_CD the same dtype, any length
/// @param labels_B int64, 0 to C - 1
/// @param margins_C margin of each class in radians (angular) or in cosine (cosine kind), same dtype
std::tuple<at::Tensor, at::Tensor> margin_softmax(const at::Tensor& embeddings_BD,
                                                  const at::Tensor& centres_CD, const at::Tensor& labels_B,
                                                  const at::Tensor& margins_C,
                                                  const MarginSoftmaxOptions& options);

}  // namespace kappa
