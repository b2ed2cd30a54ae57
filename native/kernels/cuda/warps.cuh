// How the head's kernels share a row among the threads of a warp or a block, and how large their grids are.
#pragma once
#include <cmath>

#include "kernels/cuda/number.h"
#include "kernels/row_step.h"

namespace kappa::cuda {

constexpr int warp_size = 32;
#ifndef KAPPA_ROW_THREADS
#define KAPPA_ROW_THREADS 256
#endif
constexpr int row_threads = KAPPA_ROW_THREADS;  // one block of threads for a row of logits
constexpr int warps_per_block = 4;              // one warp for a row of embeddings or centres

__device__ inline float warp_sum(float value) {
  for (int step = warp_size / 2; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
}

__device__ inline float warp_max(float value) {
  for (int step = warp_size / 2; step > 0; step /= 2)
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, step));
  return value;
}

/// The place of the lowest bit that is set.
__device__ inline int lowest_bit(uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __ffs(static_cast<int>(bits)) - 1;
#else
  return __builtin_ctz(bits);
#endif
}

/// Combines a value of each thread of a block; every thread gets the result.
template <class Combine>
__device__ inline float block_reduce(float value, float neutral, float* partial, const Combine& combine) {
  const int lane = threadIdx.x % warp_size;
  const int warp = threadIdx.x / warp_size;
  const int warps = blockDim.x / warp_size;
  value = combine(value);
  __syncthreads();  // the last use of `partial` is over
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  return combine(lane < warps ? partial[lane] : neutral);
}

/// Calls `each(values, first, count)` on 16-byte packs of a row, then on what is left.
template <class Each>
__device__ inline void for_packs(const float* row, int64_t count, int first, int step, const Each& each) {
  constexpr int size = Pack<float>::size;
  const int64_t packs = count / size;
  for (int64_t p = first; p < packs; p += step) {
    const Pack<float> values = reinterpret_cast<const Pack<float>*>(row)[p];
    each(values.values, p * size, size);
  }
  for (int64_t i = packs * size + first; i < count; i += step) each(row + i, i, 1);
}

/// Two values of each lane that are summed over the warp.
struct Sums {
  float first;
  float second;
};

/// Sums over two rows of floats by a warp; packs of 16 bytes where the rows allow it.
template <class Term>
__device__ inline Sums warp_sums(const float* a, const float* b, int64_t dim, int lane, const Term& term) {
  Sums sums{0, 0};
  const bool packed = dim % 4 == 0;
  if (packed) {
    const auto* packs_a = reinterpret_cast<const Pack<float>*>(a);
    const auto* packs_b = reinterpret_cast<const Pack<float>*>(b);
    for (int64_t p = lane; p < dim / 4; p += warp_size) {
      const Pack<float> x = packs_a[p];
      const Pack<float> y = packs_b[p];
      for (int j = 0; j < 4; ++j) term(x.values[j], y.values[j], sums);
    }
  } else {
    for (int64_t d = lane; d < dim; d += warp_size) term(a[d], b[d], sums);
  }
  return {warp_sum(sums.first), warp_sum(sums.second)};
}

/// out[d] = each(old, a[d], b[d]) over rows of floats by a warp; packs of 16 bytes where the rows allow it.
/// `old` is what stands in `out` where `reads` says so, else 0.
template <class Each>
__device__ inline void map_rows(float* out, const float* a, const float* b, int64_t dim, int lane, bool reads,
                                const Each& each) {
  if (dim % 4 == 0) {
    auto* packs_out = reinterpret_cast<Pack<float>*>(out);
    const auto* packs_a = reinterpret_cast<const Pack<float>*>(a);
    const auto* packs_b = reinterpret_cast<const Pack<float>*>(b);
    for (int64_t p = lane; p < dim / 4; p += warp_size) {
      const Pack<float> x = packs_a[p];
      const Pack<float> y = packs_b[p];
      Pack<float> values{};
      if (reads) values = packs_out[p];
      for (int j = 0; j < 4; ++j) values.values[j] = each(values.values[j], x.values[j], y.values[j]);
      packs_out[p] = values;
    }
  } else {
    for (int64_t d = lane; d < dim; d += warp_size) out[d] = each(reads ? out[d] : 0.0f, a[d], b[d]);
  }
}

__device__ inline float inverse_length(float square) { return inverse_of_square(square); }

__device__ inline int64_t first_row() {
  return static_cast<int64_t>(blockIdx.x) * warps_per_block + threadIdx.x / warp_size;
}

__device__ inline int64_t row_step() { return static_cast<int64_t>(gridDim.x) * warps_per_block; }

/// A row times a factor in the type L, by a warp.
template <class L>
__device__ inline void narrow_row(const float* row, float factor, int64_t dim, int lane, L* out) {
  if (dim % Pack<L>::size == 0 && dim % 4 == 0) {
    auto* packed = reinterpret_cast<Pack<L>*>(out);
    for (int64_t p = lane; p < dim / Pack<L>::size; p += warp_size) {
      Pack<L> values;
      for (int q = 0; q < Pack<L>::size / 4; ++q) {
        const Pack<float> x = reinterpret_cast<const Pack<float>*>(row)[p * (Pack<L>::size / 4) + q];
        for (int j = 0; j < 4; ++j) values.values[4 * q + j] = narrow<L>(x.values[j] * factor);
      }
      packed[p] = values;
    }
  } else {
    for (int64_t d = lane; d < dim; d += warp_size) out[d] = narrow<L>(row[d] * factor);
  }
}

__device__ inline float square_of(const float* row, int64_t dim, int lane) {
  return warp_sums(row, row, dim, lane, [](float x, float y, Sums& s) { s.first += x * y; }).first;
}

__device__ inline int64_t first_element() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ inline int64_t element_step() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

// Launchers. Grid-stride loops: enough blocks to fill any device, and no more.

constexpr int64_t most_blocks = 4096;
constexpr unsigned warp_threads = warps_per_block * warp_size;

inline unsigned grid_for(int64_t blocks) {
  return static_cast<unsigned>(blocks < 1 ? 1 : (blocks < most_blocks ? blocks : most_blocks));
}

inline unsigned grid_for_rows(int64_t rows) {
  return grid_for((rows + warps_per_block - 1) / warps_per_block);
}

inline unsigned grid_for_elements(int64_t elements) {
  return grid_for((elements + row_threads - 1) / row_threads);
}

}  // namespace kappa::cuda
