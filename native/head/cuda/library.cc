#include "head/cuda/library.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>

#include <type_traits>

namespace kappa::cuda {
namespace {

template <class L>
constexpr at::ScalarType type_of() {
  if constexpr (std::is_same_v<L, float>) return at::kFloat;
  if constexpr (std::is_same_v<L, Half>) return at::kHalf;
  return at::kBFloat16;
}

/// Somebody's memory on the current device as a matrix.
at::Tensor view(const void* data, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride,
                at::ScalarType type) {
  const at::Device device(at::kCUDA, c10::cuda::current_device());
  return at::from_blob(
      const_cast<void*>(data), {rows, columns}, {row_stride, column_stride}, [](void*) {},
      at::dtype(type).device(device), device);
}

}  // namespace

template <class L>
void product(int64_t m, int64_t n, int64_t k, const Matrix<L>& a, const Matrix<L>& b, bool accumulate,
             float* result, int64_t result_stride) {
  const auto matrix = [](const Matrix<L>& x, int64_t rows, int64_t columns) {
    return x.transposed ? view(x.data, rows, columns, 1, x.stride, type_of<L>())
                        : view(x.data, rows, columns, x.stride, 1, type_of<L>());
  };
  const at::Tensor left = matrix(a, m, k);
  const at::Tensor right = matrix(b, k, n);
  at::Tensor out = view(result, m, n, result_stride, 1, at::kFloat);
  if constexpr (std::is_same_v<L, float>) {
    // Whether float32 may be TF32 here is what LibTorch's settings say.
    if (accumulate) {
      at::addmm_out(out, out, left, right);
    } else {
      at::mm_out(out, left, right);
    }
  } else {
    if (accumulate) {
      at::addmm_out(out, out, left, right, at::kFloat);
    } else {
      at::mm_out(out, left, right, at::kFloat);
    }
  }
}

template void product<float>(int64_t, int64_t, int64_t, const Matrix<float>&, const Matrix<float>&, bool,
                             float*, int64_t);
template void product<Half>(int64_t, int64_t, int64_t, const Matrix<Half>&, const Matrix<Half>&, bool, float*,
                            int64_t);
template void product<BFloat16>(int64_t, int64_t, int64_t, const Matrix<BFloat16>&, const Matrix<BFloat16>&,
                                bool, float*, int64_t);

int64_t free_memory() {
  size_t free = 0;
  size_t total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(c10::cuda::current_device());
  const auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return static_cast<int64_t>(free) + stats.reserved_bytes[all].current - stats.allocated_bytes[all].current;
}

}  // namespace kappa::cuda
