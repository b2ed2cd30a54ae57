// The head's CUDA kernels, by their launchers: raw device pointers and a stream, no torch and no
// synchronisation.
//
// The walk is that of head/centre_walk.h. Logits of a block of classes are a matrix with a row for each
// sample (B) and a column for each class (n) of `stride` elements a row, a multiple of 16 bytes. Products of
// matrices belong to cuBLAS and stand between these kernels.
#pragma once
#include <cstdint>

#include "head/cuda/number.h"
#include "head/margin.h"
#include "runtime/cuda_stream.h"

namespace kappa::cuda {

/// The state of the online softmax of each sample, and what follows from it. All float (B).
struct SampleState {
  float* target_cosines;
  float* target_logits;       // scaled
  float* target_derivatives;  // of the unscaled logit by the cosine
  float* maxima;              // running maximum, from the target logit on
  float* sums;                // running sum of exp(logit - maximum) over the other classes
  float* losses;
  float* target_gradients;  // (p - 1) times the derivative
};

struct StepOptions {
  float lr;
  float momentum;
  float weight_decay;
  bool nesterov;
};

/// Rows at length 1 in the type of the logits, and their inverse lengths (0 for rows without a direction).
/// @param index which rows, `count` of them; null: the first `count`
template <class L>
void unit_rows(const float* rows, const int64_t* index, int64_t count, int64_t dim, L* units, float* inverse,
               cudaStream_t stream);

/// Target cosines, logits and derivatives; starts the softmax at the target. Samples whose class is not
/// among [first_class, first_class + classes) get zeros: their target is on another shard.
void target_logits(const float* units, const float* centres, const int64_t* labels, const float* margins,
                   int64_t batch, int64_t dim, int64_t first_class, int64_t classes, float scale,
                   MarginFunction function, SampleState state, cudaStream_t stream);

/// Takes a block of cosines into the online softmax and turns them into exp(logit - maximum) in place, the
/// target's column into 0. Where a maximum rises, the sample's sum and its row of `outputs` (B, D) shrink.
/// @param target_columns column of each sample's target in this block, or outside [0, columns)
/// @param block_maxima (B) receives the maxima that the exponentials are relative to
/// @param outputs may be null
template <class L>
void softmax_block(L* cosines, int64_t stride, int64_t batch, int64_t columns, const int64_t* target_columns,
                   float scale, float filter_threshold, SampleState state, float* block_maxima,
                   float* outputs, int64_t dim, cudaStream_t stream);

/// Losses and gradients of the targets, once all blocks (of all shards) are in the sums; the target's own
/// exponential joins the sum here.
void finish_samples(int64_t batch, SampleState state, cudaStream_t stream);

/// Gradient by the raw embeddings from `outputs` = sum_c exp(..) w_c, times `factor` (scale / batch).
/// @param centres,labels as in target_logits; the target's share is added for the classes of this shard
/// @param whole whether this is the only shard: the step through the normalisation follows at once
void embedding_gradients(const float* outputs, const float* units, const float* inverse, const float* centres,
                         const int64_t* labels, int64_t batch, int64_t dim, int64_t first_class,
                         int64_t classes, float factor, bool whole, SampleState state, float* gradients,
                         cudaStream_t stream);

/// Gradient by raw rows from the gradient by their unit vectors, in place.
void through_normalization(const float* units, const float* inverse, int64_t count, int64_t dim,
                           float* gradients, cudaStream_t stream);

/// Turns exponentials of a block into the gradient of the loss by the cosines, over scale / batch, in place.
template <class L>
void gradient_block(L* exponentials, int64_t stride, int64_t batch, int64_t columns,
                    const int64_t* target_columns, const float* block_maxima, SampleState state,
                    cudaStream_t stream);

/// Moves centres and velocities by the gradients by their unit vectors, times `factor`: normalisation
/// backward, weight decay and momentum in one pass.
/// @param index which rows of centres and velocities; null: the first `count`
/// @param velocities may be null without momentum
void step_rows(const float* unit_gradients, const int64_t* index, int64_t count, int64_t dim, float factor,
               StepOptions step, float* centres, float* velocities, cudaStream_t stream);

/// The same gradients, written out instead (added to `gradients` where `accumulate`).
void gradient_rows(const float* unit_gradients, const float* centres, int64_t count, int64_t dim,
                   float factor, bool accumulate, float* gradients, cudaStream_t stream);

}  // namespace kappa::cuda
