// Every so many pixels of images.
#pragma once
#include <ATen/core/Tensor.h>

namespace kappa {

/// @param x (batch, channels, height, width), channels_last
/// @returns the pixels in every stride-th row and column from the first on, channels_last; so is the
/// gradient, where
///     that of LibTorch's slices would not be, and every sum with it would cross from one layout to the other
at::Tensor subsample(const at::Tensor& x, int64_t stride);

}  // namespace kappa
