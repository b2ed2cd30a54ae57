// Rows at length 1.
#pragma once
#include <ATen/core/Tensor.h>

namespace kappa {

/// Each row divided by its length; one of zeros stays as it is. The same row comes to the same bits anywhere.
/// @param rows_ND float32
/// @throws Error ERR_SHAPE, ERR_DTYPE, ERR_DEVICE, and ERR_NOT_FINITE naming the row
at::Tensor unit_rows(const at::Tensor& rows_ND);

/// The same for `count` rows of `dim` numbers, into rows that are `stride` numbers apart.
/// @param first number of the first row, for errors
void unit_rows_into(const float* rows, int64_t count, int64_t dim, int64_t first, float* out, int64_t stride);

}  // namespace kappa
