#include "eval/unit_rows.h"

#include <ATen/ATen.h>

#include <atomic>
#include <cmath>

#include "eval/indices.h"
#include "runtime/cpu_clones.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace kappa {
namespace {

constexpr int64_t grain = 64;
constexpr int64_t lanes = 16;

/// In float64, so that neither small nor large numbers are lost.
KAPPA_INLINE void unit_row(const float* row, int64_t dim, float* out, bool* is_finite) {
  double sums[lanes] = {};
  int64_t d = 0;
  for (; d + lanes <= dim; d += lanes) {
    for (int64_t j = 0; j < lanes; ++j) sums[j] += static_cast<double>(row[d + j]) * row[d + j];
  }
  for (int64_t j = 0; d + j < dim; ++j) sums[j] += static_cast<double>(row[d + j]) * row[d + j];
  for (int64_t half = lanes / 2; half > 0; half /= 2) {
    for (int64_t j = 0; j < half; ++j) sums[j] += sums[j + half];
  }
  *is_finite = std::isfinite(sums[0]);
  const double factor = sums[0] > 0 ? 1 / std::sqrt(sums[0]) : 0;
  for (int64_t i = 0; i < dim; ++i) out[i] = static_cast<float>(row[i] * factor);
}

}  // namespace

void unit_rows_into(const float* rows, int64_t count, int64_t dim, int64_t first, float* out,
                    int64_t stride) {
  std::atomic<int64_t> bad = count;
  parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      bool is_finite = true;
      bool* answer = &is_finite;
      KAPPA_CLONE(unit_row(rows + r * dim, dim, out + r * stride, answer));
      int64_t known = bad.load();
      while (!is_finite && r < known && !bad.compare_exchange_weak(known, r)) {
      }
    }
  });
  require(bad == count, "ERR_NOT_FINITE", "Feature ", first + bad, " has numbers that are not finite.");
}

at::Tensor unit_rows(const at::Tensor& rows_ND) {
  const at::Tensor rows = checked_rows(rows_ND, "features");
  at::Tensor out = at::empty_like(rows);
  unit_rows_into(rows.const_data_ptr<float>(), rows.size(0), rows.size(1), 0, out.mutable_data_ptr<float>(),
                 rows.size(1));
  return out;
}

}  // namespace kappa
