#include "optim/optim_js.h"

#include "optim/clipping.h"
#include "optim/decision.h"
#include "optim/loss_scaling.h"
#include "optim/sgd_js.h"
#include "runtime/call.h"

namespace kappa {

void register_optim(Registry& registry) {
  using Tensors = std::vector<at::Tensor>;
  registry.async(
      "sgdStep", {"parameters", "velocities", "options", "found"},
      [](const Tensors& parameters, const Tensors& velocities, const SgdOptions& options,
         const std::optional<at::Tensor>& found) { sgd_step(parameters, velocities, options, found); });
  registry.async("unscaleGradients", {"parameters", "scale", "found"},
                 [](const Tensors& parameters, double scale, const at::Tensor& found) {
                   unscale_gradients(parameters, scale, found);
                 });
  registry.async("gradientNorm", {"parameters"},
                 [](const Tensors& parameters) { return gradient_norm(parameters); });
  registry.async("clipGradients", {"parameters", "maxNorm"}, [](const Tensors& parameters, double max_norm) {
    return clip_gradients(parameters, max_norm);
  });
  registry.async("noteNotFinite", {"found", "values"},
                 [](const at::Tensor& found, const Tensors& values) { note_not_finite(found, values); });
  registry.async("readNumbers", {"tensors"}, [](const Tensors& tensors) { return read_numbers(tensors); });
}

}  // namespace kappa
