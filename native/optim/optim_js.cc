#include "optim/optim_js.h"

#include "optim/sgd.h"
#include "runtime/call.h"

namespace kappa {

void register_optim(Registry& registry) {
  using Tensors = std::vector<at::Tensor>;
  registry.async("sgdStep", [](const Tensors& parameters, const Tensors& velocities, double lr,
                               double momentum, double weight_decay, bool nesterov) {
    sgd_step(parameters, velocities, {lr, momentum, weight_decay, nesterov});
  });
  registry.async("unscaleGradients", [](const Tensors& parameters, double scale) {
    return unscale_gradients(parameters, scale);
  });
  registry.async("clipGradientNorm", [](const Tensors& parameters, double max_norm) {
    return clip_gradient_norm(parameters, max_norm);
  });
}

}  // namespace kappa
