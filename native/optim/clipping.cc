#include "optim/clipping.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "optim/gradients.h"
#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;

Tensor norm_of(const std::vector<Tensor>& gradients) {
  if (gradients.empty()) return at::zeros({}, at::kDouble);
  return at::stack(at::_foreach_norm(gradients, 2)).to(at::kDouble).norm();
}

}  // namespace

Tensor gradient_norm(const std::vector<Tensor>& parameters) {
  at::NoGradGuard guard;
  return norm_of(gradients_of(parameters));
}

Tensor clip_gradients(const std::vector<Tensor>& parameters, double max_norm) {
  require(max_norm > 0, "ERR_ARGUMENT", "The largest gradient norm must be above 0 but is ", max_norm, ".");
  at::NoGradGuard guard;
  const std::vector<Tensor> gradients = gradients_of(parameters);
  Tensor norm = norm_of(gradients);
  const Tensor is_large = norm.gt(max_norm).logical_and_(norm.isfinite());
  const Tensor shrinking = at::full_like(norm, max_norm).div_(norm + 1e-6);
  Tensor factor = at::where(is_large, shrinking, at::ones_like(norm));
  // The CPU's numbers are there already: a pass over all gradients that changes none can be left out.
  if (gradients.empty() || (factor.is_cpu() && factor.item<double>() == 1)) return norm;
  // In the gradients' own type it goes into the kernels for many tensors at once.
  const auto is_float = [](const Tensor& gradient) { return gradient.scalar_type() == at::kFloat; };
  if (std::all_of(gradients.begin(), gradients.end(), is_float)) factor = factor.to(at::kFloat);
  at::_foreach_mul_(gradients, factor);
  return norm;
}

}  // namespace kappa
