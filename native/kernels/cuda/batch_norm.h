// The CUDA kernels of batch normalisation over images in channels_last, by their launchers: raw device
// pointers and a stream, no torch and no synchronisation. What follows it in a residual network is done in
// the same pass: a PReLU, or the sum with the shortcut; and in the backward pass the sum with the gradient of
// the shortcut.
//
// Elements are of type L (float, Half, BFloat16), everything by channel is float32, sums are float32 in
// pieces and float64 over the pieces, always in the same order. x is a matrix (rows, channels), a row for
// each pixel of each image.
#pragma once
#include <cstdint>

#include "kernels/cuda/number.h"
#include "runtime/cuda_stream.h"

namespace kappa::cuda {

/// By channel: how x is normalised, and the slope of the PReLU that follows (null: none does).
struct ChannelNorm {
  const float* mean;
  const float* inverse;  // 1 / sqrt(variance + epsilon)
  const float* weight;
  const float* bias;
  const float* slope = nullptr;
};

/// By channel: what a batch leaves behind. Running ones may be null, together.
struct ChannelStatistics {
  float* mean;
  float* inverse;
  float* running_mean;
  float* running_variance;
  double momentum;
  double epsilon;
};

/// By channel: what the backward pass gives. The slope may be null.
struct ChannelGradients {
  float* weight;
  float* bias;
  float* slope;
};

/// Whether the kernels take so many channels of elements of this many bytes: whole packs of 16 bytes, and no
/// more than a block has threads.
bool norm_takes(int64_t channels, int64_t element_bytes);

/// Floats that `batch_statistics` and `norm_gradients` need to put pieces of sums in.
int64_t norm_scratch(int64_t rows, int64_t channels, int64_t element_bytes);

/// Mean and variance of every channel over the rows, two launches.
template <class L>
void batch_statistics(const L* x, int64_t rows, int64_t channels, const ChannelStatistics& statistics,
                      float* scratch, cudaStream_t stream);

/// y = prelu((x - mean) inverse weight + bias), or + shortcut where that is not null.
template <class L>
void normalize(const L* x, int64_t rows, int64_t channels, const ChannelNorm& norm, const L* shortcut, L* y,
               cudaStream_t stream);

/// The gradients by channel, two launches.
/// @param upstream the gradient by y
template <class L>
void norm_gradients(const L* x, const L* upstream, int64_t rows, int64_t channels, const ChannelNorm& norm,
                    const ChannelGradients& gradients, float* scratch, cudaStream_t stream);

/// The gradient by x, from those by channel; + addend where that is not null.
template <class L>
void input_gradients(const L* x, const L* upstream, const L* addend, int64_t rows, int64_t channels,
                     const ChannelNorm& norm, const ChannelGradients& gradients, L* out, cudaStream_t stream);

}  // namespace kappa::cuda
