// What the walk on a CUDA device takes from LibTorch's CUDA part. The tests have an implementation on the
// CPU.
#pragma once
#include <ATen/core/Tensor.h>

#include "kernels/cuda/number.h"
#include "runtime/cuda_stream.h"

namespace kappa::cuda {

/// A matrix in row-major order, in the memory of the current device.
template <class L>
struct Matrix {
  const L* data;
  int64_t stride;
  /// Whether the product takes its transpose.
  bool transposed = false;
};

/// result (m, n) = a (m, k) b (k, n), or += where `accumulate`; sums and result in float32, whatever L is.
template <class L>
void product(int64_t m, int64_t n, int64_t k, const Matrix<L>& a, const Matrix<L>& b, bool accumulate,
             float* result, int64_t result_stride);

/// Bytes of the current device that nobody uses, those that LibTorch's allocator holds ready among them.
int64_t free_memory();

}  // namespace kappa::cuda
