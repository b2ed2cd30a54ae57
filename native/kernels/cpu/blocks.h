// The element-wise work on a block of classes: vectorised by the compiler, for several instruction sets.
//
// A block has its classes as rows and the batch as columns, so that vectors run along the batch.
#pragma once
#include <cstdint>

#include "kernels/row_step.h"

namespace kappa {

/// 1 / |row|, and 0 for rows without a direction.
void inverse_lengths(const float* rows, int64_t count, int64_t dim, float* inverse);
void inverse_lengths(const double* rows, int64_t count, int64_t dim, double* inverse);

/// Turns products into exp(logit - reference) in place and adds them to the sums of the columns.
///
/// logit = product * factor of its row. A logit above `filter_above` counts as 0 and leaves 0 behind.
/// @param products (rows, columns); -infinity gives 0
/// @param factors one a row
/// @param references one a column: within 87 (float) of every logit from below
void exponentials(float* products, const float* factors, int64_t rows, int64_t columns,
                  const float* references, float filter_above, float* sums);
void exponentials(double* products, const double* factors, int64_t rows, int64_t columns,
                  const double* references, double filter_above, double* sums);

/// Raises `largest` to the largest logit of each column.
void column_maxima(const float* products, const float* factors, int64_t rows, int64_t columns,
                   float* largest);
void column_maxima(const double* products, const double* factors, int64_t rows, int64_t columns,
                   double* largest);

/// to[column, row] = from[row, column] * factors[row].
void transpose_scaled(const float* from, const float* factors, int64_t rows, int64_t columns, float* to,
                      int64_t stride);
void transpose_scaled(const double* from, const double* factors, int64_t rows, int64_t columns, double* to,
                      int64_t stride);

/// The gradient by a row from the gradient by its unit vector: what is left across the row, divided by its
/// length.
void row_gradient(const float* unit_gradient, const float* row, int64_t dim, float* gradient);
void row_gradient(const double* unit_gradient, const double* row, int64_t dim, double* gradient);

/// Moves a row by that gradient. `velocity` may be null where there is no momentum.
void step_row(const float* unit_gradient, float* row, float* velocity, int64_t dim,
              const RowStep<float>& step);
void step_row(const double* unit_gradient, double* row, double* velocity, int64_t dim,
              const RowStep<double>& step);

// bfloat16, as bits. "Pairs" is the layout of block_product's second factor: rows 2i and 2i + 1 side by side.

/// Rows scaled by their factors, once as rows and once as pairs.
/// @param rows of `dim` elements; `plain` has rows of `plain_stride` (zeros beyond `dim`) or is null, `pairs`
///   is null or holds `count` rounded up to even (the last one zeros)
void scaled_to_bfloat16(const float* rows, const float* factors, int64_t count, int64_t dim, uint16_t* plain,
                        int64_t plain_stride, uint16_t* pairs);

/// The transpose as pairs: of a (count, dim) matrix the pairs of its columns, dim rounded up to even. Columns
/// `first` (even) to `last` of them.
void transposed_pairs_bfloat16(const float* rows, int64_t count, int64_t dim, int64_t first, int64_t last,
                               uint16_t* pairs);

/// (rows, columns) to bfloat16, once as it is with rows of `stride` and once transposed with rows of
/// `transposed_stride`; both padded with zeros.
void to_bfloat16_both_ways(const float* from, int64_t rows, int64_t columns, uint16_t* to, int64_t stride,
                           uint16_t* transposed, int64_t transposed_stride);

}  // namespace kappa
