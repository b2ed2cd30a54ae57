#include "kernels/cpu/products.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/native/CPUBlas.h>

#include <cmath>
#include <vector>

#include "runtime/cpu_features.h"

namespace kappa {
namespace {

using at::BFloat16;

/// Whether oneDNN's product works on this machine, tried once on a product that is known.
template <class T>
bool try_small_kernel() {
  constexpr int64_t size = 16;
  std::vector<T> a(size * size, T(1));
  std::vector<T> b(size * size, T(2));
  std::vector<float> c(size * size, 1.0f);
  try {
    at::native::cpublas::brgemm(size, size, size, size, size, size, true, a.data(), b.data(), c.data(),
                                std::is_same_v<T, BFloat16>);
  } catch (const std::exception&) {
    return false;
  }
  for (float value : c) {
    if (value != 33.0f) return false;
  }
  return true;
}

/// Whether oneDNN's product is the fastest here. In bfloat16 it is emulated where the processor has no such
/// products: the same numbers come faster through float32 then.
template <class T>
bool has_small_kernel() {
  static const bool best =
      cpu_is_fast_in(std::is_same_v<T, BFloat16> ? Precision::bfloat16 : Precision::float32) &&
      try_small_kernel<T>();
  return best;
}

template <class T>
at::Tensor view(const T* data, int64_t rows, int64_t columns, int64_t stride) {
  return at::from_blob(const_cast<T*>(data), {rows, columns}, {stride, 1},
                       at::dtype(c10::CppTypeToScalarType<T>::value));
}

template <class T>
void general_product(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
                     int64_t ldc, bool accumulate) {
  at::NoGradGuard guard;
  at::Tensor result = view(c, m, n, ldc);
  if (accumulate) {
    result.addmm_(view(a, m, k, lda), view(b, k, n, ldb));
  } else {
    at::mm_out(result, view(a, m, k, lda), view(b, k, n, ldb));
  }
}

}  // namespace

void block_product(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
                   float* c, int64_t ldc, bool accumulate) {
  if (has_small_kernel<float>()) {
    at::native::cpublas::brgemm(m, n, k, lda, ldb, ldc, accumulate, a, b, c, false);
  } else {
    general_product(m, n, k, a, lda, b, ldb, c, ldc, accumulate);
  }
}

void block_product(int64_t m, int64_t n, int64_t k, const double* a, int64_t lda, const double* b,
                   int64_t ldb, double* c, int64_t ldc, bool accumulate) {
  general_product(m, n, k, a, lda, b, ldb, c, ldc, accumulate);
}

void block_product(int64_t m, int64_t n, int64_t k, const BFloat16* a, int64_t lda, const BFloat16* b,
                   float* c, int64_t ldc, bool accumulate) {
  if (has_small_kernel<BFloat16>()) {
    at::native::cpublas::brgemm(m, n, k, lda, n, ldc, accumulate, a, b, c, true);
    return;
  }
  // The same numbers through float32: products of bfloat16 numbers are exact there.
  static thread_local std::vector<float> wide_a;
  static thread_local std::vector<float> wide_b;
  wide_a.resize(static_cast<size_t>(m * k));
  wide_b.resize(static_cast<size_t>(k * n));
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < k; ++j)
      wide_a[static_cast<size_t>(i * k + j)] = static_cast<float>(a[i * lda + j]);
  }
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      wide_b[static_cast<size_t>(i * n + j)] = static_cast<float>(b[((i / 2) * n + j) * 2 + i % 2]);
    }
  }
  block_product(m, n, k, wide_a.data(), k, wide_b.data(), n, c, ldc, accumulate);
}

void finish_block_products() {
  if (has_small_kernel<BFloat16>()) at::native::cpublas::brgemm_release();
}

}  // namespace kappa
