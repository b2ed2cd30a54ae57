#include "optim/sgd.h"

#include <ATen/ATen.h>

#include "optim/decision.h"
#include "runtime/error.h"

namespace kappa {

using at::Tensor;

void sgd_step(const std::vector<Tensor>& parameters, const std::vector<Tensor>& velocities,
              const SgdOptions& options, const std::optional<Tensor>& found) {
  require(parameters.size() == velocities.size(), "ERR_ARGUMENT",
          "Expected one velocity for each parameter.");
  at::NoGradGuard guard;
  std::vector<Tensor> values;
  std::vector<Tensor> gradients;
  std::vector<Tensor> velocity;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& parameter = parameters[i];
    if (!parameter.grad().defined()) continue;
    require(velocities[i].sizes() == parameter.sizes() && velocities[i].strides() == parameter.strides(),
            "ERR_SHAPE", "The velocity of parameter ", i, " has another shape or layout than the parameter.");
    Tensor gradient = parameter.grad();
    // The fused kernel walks all four arrays by memory order.
    if (gradient.strides() != parameter.strides()) {
      gradient = at::empty_like(parameter).copy_(gradient);
    }
    values.push_back(parameter);
    gradients.push_back(std::move(gradient));
    velocity.push_back(velocities[i]);
  }
  if (values.empty()) return;
  if (options.momentum == 0) velocity.clear();
  std::optional<Tensor> skipping;
  if (found) skipping = left_out(*found, values.front().device());
  at::_fused_sgd_(values, gradients, velocity, options.weight_decay, options.momentum, options.lr,
                  /*dampening=*/0, options.nesterov, /*maximize=*/false, /*is_first_step=*/false,
                  /*grad_scale=*/std::nullopt, skipping);
  // The fused step does not say that it wrote there; who keeps something made of a parameter asks
  // (head/cuda).
  for (const Tensor& value : values) value.unsafeGetTensorImpl()->bump_version();
}

}  // namespace kappa
