// The decision whether a step is taken. It is one float32 number, `found`, where the gradients are: 0 as long
// as everything that was looked at is finite. Whoever looks adds to it, whoever moves parameters leaves them
// alone where it is not 0, and the host reads it once, at the end of the step.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace kappa {

/// Throws ERR_SHAPE or ERR_DTYPE for what cannot be such a number.
void check_found(const at::Tensor& found);

/// Adds to `found` how many elements of the values are not finite.
void note_not_finite(const at::Tensor& found, const std::vector<at::Tensor>& values);

/// What LibTorch's fused optimizers take: exactly 1 where the step is left out, else 0.
at::Tensor left_out(const at::Tensor& found, const at::Device& device);

/// The numbers of tensors of one element each, in one transfer: the one time that the host waits for a
/// device.
std::vector<double> read_numbers(const std::vector<at::Tensor>& tensors);

}  // namespace kappa
