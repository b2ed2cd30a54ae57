// Small matrix products for one thread each: the blocks of the walk over the class centres.
//
// oneDNN's kernels for small matrices (float32, and bfloat16 with float32 accumulation) come first: on
// AVX-512 they reach 1.3 times what a BLAS call does. Where this CPU or this LibTorch has none, at::mm takes
// over.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace kappa {

/// C (m x n) = A (m x k) B (k x n), or += where `accumulate`; row-major with leading dimensions.
void block_product(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
                   float* c, int64_t ldc, bool accumulate);
void block_product(int64_t m, int64_t n, int64_t k, const double* a, int64_t lda, const double* b,
                   int64_t ldb, double* c, int64_t ldc, bool accumulate);

/// As above in bfloat16 with float32 accumulation. k is even, and B holds pairs of its rows: element (2i, j)
/// at b[(i * n + j) * 2], element (2i + 1, j) right after it.
void block_product(int64_t m, int64_t n, int64_t k, const at::BFloat16* a, int64_t lda, const at::BFloat16* b,
                   float* c, int64_t ldc, bool accumulate);

/// Gives back what the products of this thread hold of the processor. Call it at the end of a thread's work.
void finish_block_products();

}  // namespace kappa
