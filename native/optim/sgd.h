// Stochastic gradient descent and the care of gradients, each in one pass over all parameters.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace kappa {

struct SgdOptions {
  double lr = 0.1;
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;
};

/// One step: g <- grad + weight_decay p; v <- momentum v + g; p <- p - lr v. Parameters without a gradient
/// stay.
/// @param velocities one of each parameter's shape and layout; zeros at first
void sgd_step(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& velocities,
              const SgdOptions& options);

/// Divides all gradients by the factor that the loss was multiplied by, in place.
/// @returns whether all of them are finite
bool unscale_gradients(const std::vector<at::Tensor>& parameters, double scale);

/// Scales all gradients so that their joint 2-norm is at most `max_norm` and returns the norm before.
/// Gradients whose norm is not finite are left as they are.
double clip_gradient_norm(const std::vector<at::Tensor>& parameters, double max_norm);

}  // namespace kappa
