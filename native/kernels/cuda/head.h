// The head's CUDA kernels, by their launchers: raw device pointers and a stream, no torch and no
// synchronisation.
//
// The walk is that of head/walk.h. Cosines of a block of classes are a float matrix with a row for each
// sample (B) and a column for each class (n) of `stride` elements a row, a multiple of 16 bytes; exponentials
// are one of the products' type L. Products of matrices belong to cuBLAS and stand between these kernels.
//
// A sample's row of a block is walked in chunks, each by a block of threads of its own; what a chunk finds
// goes to a place of its own, so that sums are always added in the same order.
#pragma once
#include <cstdint>

#include "kernels/cuda/number.h"
#include "kernels/row_step.h"
#include "kernels/samples.h"
#include "runtime/cuda_stream.h"

namespace kappa::cuda {

/// Columns of a chunk.
#ifndef KAPPA_CHUNK_COLUMNS
#define KAPPA_CHUNK_COLUMNS 8192
#endif
constexpr int64_t chunk_columns = KAPPA_CHUNK_COLUMNS;
KAPPA_HOST_DEVICE constexpr int64_t chunks_of(int64_t columns) {
  return (columns + chunk_columns - 1) / chunk_columns;
}

/// Exponentials in float16 are relative to the block's largest, which becomes this: the tail goes down to
/// 2^-39 of it, the largest stays below float16's 65504.
constexpr float half_top = 32768.0f;
constexpr float log_half_top = 10.397207708399179f;

/// The kernels of kernels/samples.h.
const SampleKernels<float>& sample_kernels();

/// Rows at length 1 in the type L.
/// @param index which rows, `count` of them; null: the first `count`
template <class L>
void unit_rows(const float* rows, const int64_t* index, int64_t count, int64_t dim, L* units,
               cudaStream_t stream);

/// A block of logits before and after the exponential.
struct LogitBlock {
  const float* cosines;
  int64_t stride;
  int64_t batch;
  int64_t columns;
  /// Walked row of each sample's target, and the one that column 0 is.
  const int64_t* targets;
  int64_t first;
  float scale;
  float filter_threshold;
};

/// The largest logit of the other classes in each chunk, (chunks, B).
void chunk_maxima(const LogitBlock& block, float* maxima, cudaStream_t stream);

/// The largest of several chunks (B), at least `floor` (B).
void largest_of_chunks(const float* maxima, int64_t chunks, int64_t batch, const float* floor, float* largest,
                       cudaStream_t stream);

/// What float16's exponentials are relative to: the largest logit less log(half_top).
void half_shifts(const float* maxima, int64_t chunks, int64_t batch, float* shifts, cudaStream_t stream);

/// exp(logit - shift) of each class but the target, whose place becomes 0.
/// @param shifts (B)
/// @param exponentials (B, exponential_stride); may be the cosines themselves where L is float
/// @param sums (chunks, B), of the exponentials before they are rounded; may be null
template <class L>
void exponentials(const LogitBlock& block, const float* shifts, L* exponentials, int64_t exponential_stride,
                  float* sums, cudaStream_t stream);

/// The sums of all chunks, relative to the references: sum_k exp(shift_k - reference) chunk_k.
/// @param chunk_sums (chunks, B)
/// @param shifts (blocks, B), for `chunks_per_block` chunks each; null: they are the references
void sum_chunks(const float* chunk_sums, int64_t chunks, int64_t chunks_per_block, int64_t batch,
                const float* shifts, const float* references, double* sums, cudaStream_t stream);

/// outputs += exp(shift - reference) part, row by row (B, D).
void add_rows(const float* part, const float* shifts, const float* references, int64_t batch, int64_t dim,
              float* outputs, cudaStream_t stream);

/// Unit embeddings times 1 / S, in the type of the products.
/// @param shares 1 / S; null: the units as they are
template <class L>
void weigh_units(const float* units, const double* shares, int64_t batch, int64_t dim, L* weighted,
                 cudaStream_t stream);

/// float16's exponentials to probabilities times half_top, of the softmax that 1 / S = `shares` is of.
void halves_to_probabilities(const Half* exponentials, int64_t stride, int64_t batch, int64_t columns,
                             const float* shifts, const float* references, const double* shares,
                             Half* probabilities, int64_t probability_stride, cudaStream_t stream);

/// Adds the targets' part to the gradients by the unit centres of a block, (columns, D): factor times the
/// target's gradient times the unit embedding. Samples of one class add up in their order.
/// @param device_factor one element, a further factor; may be null
void add_targets(const float* units, const int64_t* targets, int64_t first, int64_t columns,
                 const double* target_gradients, double factor, const float* device_factor, int64_t batch,
                 int64_t dim, float* gradients, cudaStream_t stream);

/// Moves centres and velocities by the gradients by their unit vectors: normalisation backward, weight decay
/// and momentum in one pass.
/// @param index which rows of centres and velocities; null: the first `count`
/// @param found_inf one element: nothing moves unless it is 0; may be null
/// @param velocities may be null without momentum
/// @param units receives the moved rows at length 1, `count` of them; may be null
template <class L>
void step_rows(const float* unit_gradients, const int64_t* index, int64_t count, int64_t dim,
               const RowStep<float>& step, const float* found_inf, float* centres, float* velocities,
               L* units, cudaStream_t stream);

/// The same gradients, written out instead.
/// @param index which rows of centres and gradients; null: the first `count`
void gradient_rows(const float* unit_gradients, const int64_t* index, const float* centres, int64_t count,
                   int64_t dim, float* gradients, cudaStream_t stream);

/// class_key (kernels/class_keys.h) of the rows 0 to count - 1.
void class_keys(uint64_t draw, int64_t count, int64_t* keys, cudaStream_t stream);

}  // namespace kappa::cuda
