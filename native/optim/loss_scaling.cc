#include "optim/loss_scaling.h"

#include <ATen/ATen.h>

#include <cmath>

#include "optim/decision.h"
#include "optim/gradients.h"
#include "runtime/error.h"

namespace kappa {

using at::Tensor;

void unscale_gradients(const std::vector<Tensor>& parameters, double scale, const Tensor& found) {
  require(scale > 0 && std::isfinite(scale), "ERR_ARGUMENT", "The scale must be above 0 but is ", scale, ".");
  check_found(found);
  at::NoGradGuard guard;
  const std::vector<Tensor> gradients = gradients_of(parameters);
  if (gradients.empty()) return;
  const auto options = at::dtype(at::kFloat).device(gradients.front().device());
  Tensor not_finite = at::zeros({1}, options);
  at::_amp_foreach_non_finite_check_and_unscale_(gradients, not_finite, at::full({1}, 1 / scale, options));
  found.add_(not_finite.to(found.device()));
}

}  // namespace kappa
