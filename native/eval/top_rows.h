// The rows that are nearest to queries, exactly.
#pragma once
#include <ATen/core/Tensor.h>

#include <optional>

namespace kappa {

/// The best rows of each query, the best first; of equal ones the first.
struct TopRows {
  at::Tensor scores_QK;   // float32; -infinity where there are not so many rows
  at::Tensor indices_QK;  // int32; -1 there
};

/// The result for rows that came before, with smaller numbers.
struct BestSoFar {
  at::Tensor scores_QK;
  at::Tensor indices_QK;
};

struct TopOptions {
  int64_t count = 1;      // K
  int64_t first = 0;      // number of the first row, where rows come in pieces
  bool bfloat16 = false;  // multiplies in bfloat16; the results are the same
};

/// @param queries_QD, rows_ND float32; scores are their dot products
/// @throws Error ERR_SHAPE, ERR_DTYPE, ERR_DEVICE, ERR_ARGUMENT, ERR_NOT_FINITE
TopRows top_rows(const at::Tensor& queries_QD, const at::Tensor& rows_ND, const TopOptions& options,
                 const std::optional<BestSoFar>& before);

}  // namespace kappa
