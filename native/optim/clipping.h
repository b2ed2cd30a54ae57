// The norm of all gradients, and its bound. Nobody waits for the device: the norm stays there, as does the
// factor.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace kappa {

/// The joint 2-norm of all gradients: one float64, where they are; 0 where there are none.
at::Tensor gradient_norm(const std::vector<at::Tensor>& parameters);

/// Scales all gradients so that their joint 2-norm is at most `max_norm` and returns the norm before.
/// Gradients whose norm is not finite are left as they are.
at::Tensor clip_gradients(const std::vector<at::Tensor>& parameters, double max_norm);

}  // namespace kappa
