// The gradients of parameters, for whatever goes over all of them at once.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace kappa {

/// Those that there are, in the order of their parameters.
inline std::vector<at::Tensor> gradients_of(const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : parameters) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  return gradients;
}

}  // namespace kappa
