// What the walk on a CUDA device takes from NVIDIA's libraries and LibTorch's CUDA part. The tests have an
// implementation on the CPU.
#pragma once
#include <ATen/core/Tensor.h>

#include "kernels/cuda/number.h"
#include "runtime/cuda_stream.h"

namespace kappa::cuda {

/// A matrix in row-major order.
template <class L>
struct Matrix {
  const L* data;
  int64_t stride;
  /// Whether the product takes its transpose.
  bool transposed = false;
};

/// What a product is multiplied by: a number, or one on the device.
struct Factor {
  float value = 1;
  const float* on_device = nullptr;
};

/// result (m, n) = factor a (m, k) b (k, n), or += where `accumulate`; sums and result in float32, whatever L
/// is.
template <class L>
void product(int64_t m, int64_t n, int64_t k, const Matrix<L>& a, const Matrix<L>& b, const Factor& factor,
             bool accumulate, float* result, int64_t result_stride);

/// Bytes of the current device that nobody uses, those that LibTorch's allocator holds ready among them.
int64_t free_memory();

cudaStream_t current_stream();

}  // namespace kappa::cuda
