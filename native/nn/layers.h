// The layers that networks are made of. Each registers its tensors with the module that owns it.
#pragma once
#include <ATen/core/Tensor.h>

#include <memory>

#include "nn/module.h"
#include "nn/topology.h"

namespace kappa {

class Layer {
 public:
  Layer() = default;
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  /// @param inputs as its line in the table names them
  /// @param training normalise by the batch's statistics and update the running ones; drop out
  virtual at::Tensor forward(const std::vector<at::Tensor>& inputs, bool training) const = 0;

  /// What the layer has in the module, in the order of the state; asked of batch normalisation and PReLU
  /// alone.
  virtual std::vector<at::Tensor> tensors() const { return {}; }
};

/// The layer in a place of the table. Reserves its tensors in the module: cheap, nothing is written yet.
std::unique_ptr<Layer> make_layer(const Topology& topology, size_t place, Module& module);

}  // namespace kappa
