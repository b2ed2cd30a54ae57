// What PartialFC does to the centres that a step did not draw.
#pragma once
#include <ATen/core/Tensor.h>

#include "optim/sgd.h"

namespace kappa {

/// Which centres an update moves.
enum class RowRule {
  sampled,  // those of the drawn classes and no other, as PartialFC's paper says
  all       // the others too, by momentum and weight decay, as SGD does where the gradient is zero
};

/// Moves the rows that are not in `rows` as SGD moves parameters whose gradient is zero. Piece by piece: what
/// is needed besides is a few MiB, and a byte for each row.
/// @param velocity_CD undefined where there is no momentum
/// @param rows int64 on the centres' device
/// @param found_inf as for `MarginSoftmax::update`
void move_unsampled(const at::Tensor& centres_CD, const at::Tensor& velocity_CD, const at::Tensor& rows,
                    const SgdOptions& step, const at::Tensor& found_inf);

}  // namespace kappa
