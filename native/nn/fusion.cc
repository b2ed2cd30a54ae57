#include "nn/fusion.h"

#include <ATen/ATen.h>

#include "nn/module.h"

namespace kappa {

std::optional<Fusion> Fusion::from(size_t place, const Topology& topology,
                                   const std::vector<std::unique_ptr<Layer>>& layers) {
  const auto& lines = topology.layers();
  const ActivationShape& shape = topology.shape(place);
  if (lines[place].kind != LayerKind::batch_norm || shape.size() == shape.channels) return std::nullopt;
  Fusion fusion;
  fusion.input_ = lines[place].inputs.front();
  fusion.last_ = place;
  const std::vector<at::Tensor> own = layers[place - 1]->tensors();
  fusion.layer_.weight = own[0];
  fusion.layer_.bias = own[1];
  fusion.layer_.running_mean = own[2];
  fusion.layer_.running_variance = own[3];
  fusion.layer_.forks = topology.last_use(fusion.input_) > place;
  const size_t next = place + 1;
  // The line after it must be the only one that takes its output.
  if (next == lines.size() || topology.last_use(place) != next) return fusion;
  const auto& inputs = lines[next].inputs;
  if (lines[next].kind == LayerKind::prelu) {
    fusion.layer_.slope = layers[next - 1]->tensors().front();
    fusion.last_ = next;
  } else if (lines[next].kind == LayerKind::sum && inputs.front() != inputs.back()) {
    fusion.shortcut_ = inputs.front() == place ? inputs.back() : inputs.front();
    fusion.last_ = next;
  }
  return fusion;
}

bool Fusion::forward(std::vector<at::Tensor>& outputs, bool training) const {
  FusedNormInputs inputs = layer_;
  inputs.x = outputs[input_];
  if (shortcut_) {
    inputs.shortcut = outputs[*shortcut_];
    if (inputs.shortcut->sizes() != inputs.x.sizes() || inputs.shortcut->strides() != inputs.x.strides())
      return false;
  }
  const NormDevice* device = norm_device(inputs.x.device().type());
  if (device == nullptr || !device->takes(inputs.x)) return false;
  if (training) {
    FusedNormOutputs results = fused_batch_norm(inputs, batch_norm_momentum, batch_norm_epsilon, *device);
    outputs[last_] = std::move(results.y);
    if (inputs.forks) outputs[input_] = std::move(results.x);
    return true;
  }
  if (at::GradMode::is_enabled()) return false;
  outputs[last_] = fused_norm(inputs, batch_norm_epsilon, *device);
  return true;
}

}  // namespace kappa
