// Stochastic gradient descent, in one pass over all parameters.
#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
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
/// @param found nothing moves where it is not 0 (see decision.h); the device itself looks
void sgd_step(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& velocities,
              const SgdOptions& options, const std::optional<at::Tensor>& found = std::nullopt);

}  // namespace kappa
