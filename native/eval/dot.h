// The similarity of two rows, as every benchmark counts it: one order of summation, so that a score has the
// same bits wherever it is computed.
#pragma once
#include <cstdint>

#include "runtime/cpu_clones.h"

namespace kappa {

/// Many sums side by side: as wide as the widest processor, and four times that to hide how long a sum takes.
constexpr int64_t dot_lanes = 64;

KAPPA_INLINE float dot(const float* a, const float* b, int64_t dim) {
  float sums[dot_lanes] = {};
  int64_t d = 0;
  for (; d + dot_lanes <= dim; d += dot_lanes) {
    for (int64_t j = 0; j < dot_lanes; ++j) sums[j] += a[d + j] * b[d + j];
  }
  for (int64_t j = 0; d + j < dim; ++j) sums[j] += a[d + j] * b[d + j];
  for (int64_t half = dot_lanes / 2; half > 0; half /= 2) {
    for (int64_t j = 0; j < half; ++j) sums[j] += sums[j + half];
  }
  return sums[0];
}

}  // namespace kappa
