// Loss scaling: the factor that the loss was multiplied by is taken out of the gradients again.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace kappa {

/// Divides all gradients by the factor, in place.
/// @param found is no longer 0 where one of them is not finite (see decision.h)
void unscale_gradients(const std::vector<at::Tensor>& parameters, double scale, const at::Tensor& found);

}  // namespace kappa
