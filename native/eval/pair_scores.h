// Similarities of pairs of rows, by index: a benchmark has millions of pairs of thousands of rows.
#pragma once
#include <ATen/core/Tensor.h>

namespace kappa {

/// @param rows_ND float32
/// @param first_P, second_P integers, the rows of each pair
/// @returns float32 (P), the dot products: the same bits in any order of the pairs and on any number of
/// threads
/// @throws Error ERR_SHAPE, ERR_DTYPE, ERR_DEVICE, ERR_LABEL_RANGE
at::Tensor pair_scores(const at::Tensor& rows_ND, const at::Tensor& first_P, const at::Tensor& second_P);

}  // namespace kappa
