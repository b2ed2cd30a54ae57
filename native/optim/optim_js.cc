#include "optim/optim_js.h"

#include "optim/sgd_js.h"
#include "runtime/call.h"

namespace kappa {

void register_optim(Registry& registry) {
  using Tensors = std::vector<at::Tensor>;
  registry.async("sgdStep", {"parameters", "velocities", "options"},
                 [](const Tensors& parameters, const Tensors& velocities, const SgdOptions& options) {
                   sgd_step(parameters, velocities, options);
                 });
  registry.async("unscaleGradients", {"parameters", "scale"}, [](const Tensors& parameters, double scale) {
    return unscale_gradients(parameters, scale);
  });
  registry.async(
      "clipGradientNorm", {"parameters", "maxNorm"},
      [](const Tensors& parameters, double max_norm) { return clip_gradient_norm(parameters, max_norm); });
}

}  // namespace kappa
