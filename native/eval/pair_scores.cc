#include "eval/pair_scores.h"

#include <ATen/ATen.h>

#include "eval/dot.h"
#include "eval/indices.h"
#include "runtime/parallel.h"

namespace kappa {
namespace {

using at::Tensor;

constexpr int64_t grain = 4096;

KAPPA_INLINE void score(const float* rows, int64_t dim, const int32_t* first, const int32_t* second,
                        int64_t begin, int64_t end, float* scores) {
  for (int64_t p = begin; p < end; ++p) scores[p] = dot(rows + first[p] * dim, rows + second[p] * dim, dim);
}

}  // namespace

Tensor pair_scores(const Tensor& rows_ND, const Tensor& first_P, const Tensor& second_P) {
  const Tensor rows = checked_rows(rows_ND, "rows");
  const Tensor first = checked_indices(first_P, -1, rows.size(0), "rows of pairs");
  const Tensor second = checked_indices(second_P, first.size(0), rows.size(0), "rows of pairs");
  Tensor scores = at::empty({first.size(0)}, rows.options());
  const auto* values = rows.const_data_ptr<float>();
  const auto* a = first.const_data_ptr<int32_t>();
  const auto* b = second.const_data_ptr<int32_t>();
  auto* out = scores.mutable_data_ptr<float>();
  const int64_t dim = rows.size(1);
  parallel_for(0, first.size(0), grain,
               [&](int64_t begin, int64_t end) { KAPPA_CLONE(score(values, dim, a, b, begin, end, out)); });
  return scores;
}

}  // namespace kappa
