// The receiver operating characteristic of millions of scores, by scikit-learn's rules.
#pragma once
#include <ATen/core/Tensor.h>

namespace kappa {

/// Points from the strictest threshold to the loosest. The first accepts nothing: its threshold is infinite.
struct RocPoints {
  at::Tensor impostors;   // float64, whole numbers: accepted pairs of two people
  at::Tensor genuine;     // float64, accepted pairs of one person
  at::Tensor thresholds;  // float32: pairs with at least that score are accepted
  int64_t all_impostors;
  int64_t all_genuine;
};

/// @param scores_P float32, large for pairs that look alike
/// @param is_genuine_P uint8 or bool
/// @param drops_intermediate leaves out points at which both counts go on as they came, as scikit-learn does
/// by default
/// @throws Error ERR_SHAPE, ERR_DTYPE, ERR_DEVICE, ERR_NOT_FINITE, and ERR_ARGUMENT without a pair of either
/// kind
RocPoints roc_points(const at::Tensor& scores_P, const at::Tensor& is_genuine_P, bool drops_intermediate);

}  // namespace kappa
