#include "eval/pair_scores.h"

#include <ATen/ATen.h>

#include "eval/indices.h"
#include "runtime/cpu_clones.h"
#include "runtime/parallel.h"

namespace kappa {
namespace {

using at::Tensor;

constexpr int64_t grain = 4096;

/// Many sums side by side: as wide as the widest processor, and four times that to hide how long a sum takes.
constexpr int64_t lanes = 64;

KAPPA_INLINE float dot(const float* a, const float* b, int64_t dim) {
  float sums[lanes] = {};
  int64_t d = 0;
  for (; d + lanes <= dim; d += lanes) {
    for (int64_t j = 0; j < lanes; ++j) sums[j] += a[d + j] * b[d + j];
  }
  for (int64_t j = 0; d + j < dim; ++j) sums[j] += a[d + j] * b[d + j];
  for (int64_t half = lanes / 2; half > 0; half /= 2) {
    for (int64_t j = 0; j < half; ++j) sums[j] += sums[j + half];
  }
  return sums[0];
}

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
