#include "optim/sgd.h"

#include <ATen/ATen.h>

#include <cmath>

#include "runtime/error.h"

namespace kappa {

using at::Tensor;

void sgd_step(const std::vector<Tensor>& parameters, const std::vector<Tensor>& velocities,
              const SgdOptions& options) {
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
  at::_fused_sgd_(values, gradients, velocity, options.weight_decay, options.momentum, options.lr,
                  /*dampening=*/0, options.nesterov, /*maximize=*/false, /*is_first_step=*/false);
}

bool unscale_gradients(const std::vector<Tensor>& parameters, double scale) {
  require(scale > 0 && std::isfinite(scale), "ERR_ARGUMENT", "The scale must be above 0 but is ", scale, ".");
  at::NoGradGuard guard;
  std::vector<Tensor> gradients;
  for (const Tensor& parameter : parameters) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (gradients.empty()) return true;
  const auto options = at::dtype(at::kFloat).device(gradients.front().device());
  Tensor found_infinity = at::zeros({1}, options);
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, found_infinity,
                                                 at::full({1}, 1 / scale, options));
  return found_infinity.item<float>() == 0;
}

double clip_gradient_norm(const std::vector<Tensor>& parameters, double max_norm) {
  require(max_norm > 0, "ERR_ARGUMENT", "The largest gradient norm must be above 0 but is ", max_norm, ".");
  at::NoGradGuard guard;
  std::vector<Tensor> gradients;
  for (const Tensor& parameter : parameters) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (gradients.empty()) return 0;
  const double norm = at::stack(at::_foreach_norm(gradients, 2)).to(at::kDouble).norm().item<double>();
  if (std::isfinite(norm) && norm > max_norm) at::_foreach_mul_(gradients, max_norm / (norm + 1e-6));
  return norm;
}

}  // namespace kappa
