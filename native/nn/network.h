// Network: what a topology describes, from images to embeddings.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <memory>
#include <optional>
#include <vector>

#include "nn/fusion.h"
#include "nn/layer_trace.h"
#include "nn/layers.h"
#include "nn/module.h"
#include "nn/topology.h"
#include "runtime/precision.h"

namespace kappa {

class Network : public Module {
 public:
  /// Allocates the network: cheap, nothing is written yet.
  /// @param precision of what is computed on images; weights, batch statistics and vectors stay float32
  Network(Topology topology, Precision precision, const at::Device& device);

  const Topology& topology() const { return topology_; }

  /// @param images float32 (batch, 3, image size, image size)
  /// @param training normalise by the batch's statistics and update the running ones; drop out
  /// @returns float32 embeddings (batch, embedding size)
  at::Tensor forward(const at::Tensor& images, bool training);

  /// From now on notes what every layer gives, by its name in the state, or (off) does so no more.
  void trace(bool on) { trace_ = on ? std::make_unique<LayerTrace>() : nullptr; }
  /// What was noted; null while nothing is.
  const LayerTrace* traced() const { return trace_.get(); }

 private:
  at::Tensor walk(const at::Tensor& images, bool training);
  /// Without gradients images know nothing of each other: each thread walks the whole network with some, and
  /// meets the others once, not at every layer.
  at::Tensor walk_in_pieces(const at::Tensor& images);
  void check(const at::Tensor& images) const;
  /// Forgets the outputs that nobody needs after a line.
  void let_go(size_t place, std::vector<at::Tensor>& outputs) const;

  Topology topology_;
  Precision precision_;
  std::vector<std::unique_ptr<Layer>> layers_;  // of each line of the table but the first
  std::vector<std::optional<Fusion>> fusions_;  // from each line of the table on
  std::unique_ptr<LayerTrace> trace_;
};

}  // namespace kappa
