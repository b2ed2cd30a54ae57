#include "kernels/cpu/blocks.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/cpu_clones.h"

namespace kappa {
namespace {

constexpr int64_t tile = 16;

/// exp for vectors: at most 2 units in the last place off; 0 below -87.3, and never above exp(88).
KAPPA_INLINE float vector_exp(float x) {
  constexpr float log2_e = 1.44269504088896341f;
  constexpr float ln2_high = 0.693359375f;
  constexpr float ln2_low = -2.12194440e-4f;
  constexpr float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  constexpr float lowest = -87.3f;
  constexpr float highest = 88.0f;
  const float bounded = x < lowest ? lowest : (x > highest ? highest : x);
  const float shifted = bounded * log2_e + shift;
  const float whole = shifted - shift;
  const float rest = (bounded - whole * ln2_high) - whole * ln2_low;
  // Taylor's series: |rest| is at most ln 2 / 2.
  float sum = 1.0f / 5040.0f;
  sum = sum * rest + 1.0f / 720.0f;
  sum = sum * rest + 1.0f / 120.0f;
  sum = sum * rest + 1.0f / 24.0f;
  sum = sum * rest + 1.0f / 6.0f;
  sum = sum * rest + 0.5f;
  sum = sum * rest + 1.0f;
  sum = sum * rest + 1.0f;
  const uint32_t power = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(shift) + 127u;
  const float value = sum * std::bit_cast<float>(power << 23);
  return x < lowest ? 0.0f : value;
}

KAPPA_INLINE double vector_exp(double x) { return std::exp(x); }

/// Rounds to the nearest bfloat16, ties to even.
KAPPA_INLINE uint32_t bfloat16_bits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

template <class T>
KAPPA_INLINE void inverse_lengths_of(const T* rows, int64_t count, int64_t dim, T* inverse) {
  for (int64_t r = 0; r < count; ++r) {
    const T* row = rows + r * dim;
    T square = 0;
#pragma omp simd reduction(+ : square)
    for (int64_t d = 0; d < dim; ++d) square += row[d] * row[d];
    inverse[r] = inverse_of_square(square);
  }
}

template <bool filter, class T>
KAPPA_INLINE void exponentials_of(T* products, const T* factors, int64_t rows, int64_t columns,
                                  const T* references, T filter_above, T* sums) {
  for (int64_t r = 0; r < rows; ++r) {
    T* row = products + r * columns;
    const T factor = factors[r];
#pragma omp simd
    for (int64_t i = 0; i < columns; ++i) {
      const T logit = row[i] * factor;
      if constexpr (filter) {
        const bool drop = logit > filter_above;
        const T value = vector_exp((drop ? T(0) : logit) - references[i]);
        sums[i] += value;
        row[i] = drop ? T(0) : value;
      } else {
        const T value = vector_exp(logit - references[i]);
        sums[i] += value;
        row[i] = value;
      }
    }
  }
}

template <class T>
KAPPA_INLINE void column_maxima_of(const T* products, const T* factors, int64_t rows, int64_t columns,
                                   T* largest) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = products + r * columns;
    const T factor = factors[r];
#pragma omp simd
    for (int64_t i = 0; i < columns; ++i) {
      const T logit = row[i] * factor;
      largest[i] = logit > largest[i] ? logit : largest[i];
    }
  }
}

template <class T>
KAPPA_INLINE void transpose_scaled_of(const T* from, const T* factors, int64_t rows, int64_t columns, T* to,
                                      int64_t stride) {
  for (int64_t r0 = 0; r0 < rows; r0 += tile) {
    const int64_t r1 = r0 + tile < rows ? r0 + tile : rows;
    for (int64_t i = 0; i < columns; ++i) {
      T* out = to + i * stride;
      for (int64_t r = r0; r < r1; ++r) out[r] = from[r * columns + i] * factors[r];
    }
  }
}

template <class T>
KAPPA_INLINE RowGeometry<T> geometry_of(const T* unit_gradient, const T* row, int64_t dim) {
  T dot = 0;
  T square = 0;
#pragma omp simd reduction(+ : dot, square)
  for (int64_t d = 0; d < dim; ++d) {
    dot += unit_gradient[d] * row[d];
    square += row[d] * row[d];
  }
  return row_geometry(dot, square);
}

template <class T>
KAPPA_INLINE void row_gradient_of(const T* unit_gradient, const T* row, int64_t dim, T* gradient) {
  const RowGeometry<T> geometry = geometry_of(unit_gradient, row, dim);
#pragma omp simd
  for (int64_t d = 0; d < dim; ++d) gradient[d] = through_length(unit_gradient[d], row[d], geometry);
}

template <class T>
KAPPA_INLINE void step_row_of(const T* unit_gradient, T* row, T* velocity, int64_t dim,
                              const RowStep<T>& step) {
  const RowGeometry<T> geometry = geometry_of(unit_gradient, row, dim);
  // A copy: through the reference the compiler would have to expect that a row overlaps it.
  const RowStep<T> own = step;
  if (velocity == nullptr) {
#pragma omp simd
    for (int64_t d = 0; d < dim; ++d) {
      row[d] =
          stepped(through_length(unit_gradient[d], row[d], geometry), row[d], static_cast<T*>(nullptr), own);
    }
    return;
  }
#pragma omp simd
  for (int64_t d = 0; d < dim; ++d)
    row[d] = stepped(through_length(unit_gradient[d], row[d], geometry), row[d], velocity + d, own);
}

KAPPA_INLINE void float_exponentials_of(float* products, const float* factors, int64_t rows, int64_t columns,
                                        const float* references, float filter_above, float* sums) {
  if (filter_above < std::numeric_limits<float>::infinity()) {
    exponentials_of<true>(products, factors, rows, columns, references, filter_above, sums);
  } else {
    exponentials_of<false>(products, factors, rows, columns, references, filter_above, sums);
  }
}

KAPPA_INLINE void scaled_to_bfloat16_of(const float* rows, const float* factors, int64_t count, int64_t dim,
                                        uint16_t* plain, int64_t plain_stride, uint16_t* pairs) {
  if (plain != nullptr) {
    for (int64_t r = 0; r < count; ++r) {
      const float* from = rows + r * dim;
      uint16_t* to = plain + r * plain_stride;
      const float factor = factors[r];
#pragma omp simd
      for (int64_t d = 0; d < dim; ++d) to[d] = static_cast<uint16_t>(bfloat16_bits(from[d] * factor));
      for (int64_t d = dim; d < plain_stride; ++d) to[d] = 0;
    }
  }
  if (pairs == nullptr) return;
  for (int64_t r = 0; r < count; r += 2) {
    const bool single = r + 1 == count;
    const float* even = rows + r * dim;
    const float* odd = single ? even : even + dim;
    const float even_factor = factors[r];
    const float odd_factor = single ? 0.0f : factors[r + 1];
    uint16_t* to = pairs + r * dim;
    for (int64_t d = 0; d < dim; ++d) {
      const uint32_t pair = bfloat16_bits(even[d] * even_factor) | (bfloat16_bits(odd[d] * odd_factor) << 16);
      std::memcpy(to + 2 * d, &pair, sizeof pair);
    }
  }
}

KAPPA_INLINE void transposed_pairs_bfloat16_of(const float* rows, int64_t count, int64_t dim, int64_t first,
                                               int64_t last, uint16_t* pairs) {
  for (int64_t d = first; d < last; d += 2) {
    uint16_t* to = pairs + d * count;
    const bool single = d + 1 == dim;
    for (int64_t r = 0; r < count; ++r) {
      to[2 * r] = static_cast<uint16_t>(bfloat16_bits(rows[r * dim + d]));
      to[2 * r + 1] = single ? uint16_t{0} : static_cast<uint16_t>(bfloat16_bits(rows[r * dim + d + 1]));
    }
  }
}

KAPPA_INLINE void to_bfloat16_both_ways_of(const float* from, int64_t rows, int64_t columns, uint16_t* to,
                                           int64_t stride, uint16_t* transposed, int64_t transposed_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* in = from + r * columns;
    uint16_t* out = to + r * stride;
#pragma omp simd
    for (int64_t i = 0; i < columns; ++i) out[i] = static_cast<uint16_t>(bfloat16_bits(in[i]));
    for (int64_t i = columns; i < stride; ++i) out[i] = 0;
  }
  if (transposed == nullptr) return;
  for (int64_t r0 = 0; r0 < rows; r0 += tile) {
    const int64_t r1 = r0 + tile < rows ? r0 + tile : rows;
    for (int64_t i = 0; i < columns; ++i) {
      uint16_t* out = transposed + i * transposed_stride;
      for (int64_t r = r0; r < r1; ++r) out[r] = to[r * stride + i];
    }
  }
  for (int64_t i = 0; i < columns; ++i) {
    for (int64_t r = rows; r < transposed_stride; ++r) transposed[i * transposed_stride + r] = 0;
  }
}

}  // namespace

void inverse_lengths(const float* rows, int64_t count, int64_t dim, float* inverse) {
  KAPPA_CLONE(inverse_lengths_of(rows, count, dim, inverse));
}
void inverse_lengths(const double* rows, int64_t count, int64_t dim, double* inverse) {
  inverse_lengths_of(rows, count, dim, inverse);
}

void exponentials(float* products, const float* factors, int64_t rows, int64_t columns,
                  const float* references, float filter_above, float* sums) {
  KAPPA_CLONE(float_exponentials_of(products, factors, rows, columns, references, filter_above, sums));
}
void exponentials(double* products, const double* factors, int64_t rows, int64_t columns,
                  const double* references, double filter_above, double* sums) {
  exponentials_of<true>(products, factors, rows, columns, references, filter_above, sums);
}

void column_maxima(const float* products, const float* factors, int64_t rows, int64_t columns,
                   float* largest) {
  KAPPA_CLONE(column_maxima_of(products, factors, rows, columns, largest));
}
void column_maxima(const double* products, const double* factors, int64_t rows, int64_t columns,
                   double* largest) {
  column_maxima_of(products, factors, rows, columns, largest);
}

void transpose_scaled(const float* from, const float* factors, int64_t rows, int64_t columns, float* to,
                      int64_t stride) {
  KAPPA_CLONE(transpose_scaled_of(from, factors, rows, columns, to, stride));
}
void transpose_scaled(const double* from, const double* factors, int64_t rows, int64_t columns, double* to,
                      int64_t stride) {
  transpose_scaled_of(from, factors, rows, columns, to, stride);
}

void row_gradient(const float* unit_gradient, const float* row, int64_t dim, float* gradient) {
  KAPPA_CLONE(row_gradient_of(unit_gradient, row, dim, gradient));
}
void row_gradient(const double* unit_gradient, const double* row, int64_t dim, double* gradient) {
  row_gradient_of(unit_gradient, row, dim, gradient);
}

void step_row(const float* unit_gradient, float* row, float* velocity, int64_t dim,
              const RowStep<float>& step) {
  KAPPA_CLONE(step_row_of(unit_gradient, row, velocity, dim, step));
}
void step_row(const double* unit_gradient, double* row, double* velocity, int64_t dim,
              const RowStep<double>& step) {
  step_row_of(unit_gradient, row, velocity, dim, step);
}

void scaled_to_bfloat16(const float* rows, const float* factors, int64_t count, int64_t dim, uint16_t* plain,
                        int64_t plain_stride, uint16_t* pairs) {
  KAPPA_CLONE(scaled_to_bfloat16_of(rows, factors, count, dim, plain, plain_stride, pairs));
}

void transposed_pairs_bfloat16(const float* rows, int64_t count, int64_t dim, int64_t first, int64_t last,
                               uint16_t* pairs) {
  KAPPA_CLONE(transposed_pairs_bfloat16_of(rows, count, dim, first, last, pairs));
}

void to_bfloat16_both_ways(const float* from, int64_t rows, int64_t columns, uint16_t* to, int64_t stride,
                           uint16_t* transposed, int64_t transposed_stride) {
  KAPPA_CLONE(to_bfloat16_both_ways_of(from, rows, columns, to, stride, transposed, transposed_stride));
}

}  // namespace kappa
