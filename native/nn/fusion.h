// Lines of a topology that one pass does together: batch normalisation with the PReLU or the sum after it.
#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "nn/fused_norm.h"
#include "nn/layers.h"
#include "nn/topology.h"

namespace kappa {

class Fusion {
 public:
  /// What can be done together from a line on.
  /// @param layers of each line of the table but the first
  /// @returns nothing where that line is no batch normalisation of images
  static std::optional<Fusion> from(size_t place, const Topology& topology,
                                    const std::vector<std::unique_ptr<Layer>>& layers);

  /// The last of the lines.
  size_t last() const { return last_; }

  /// Puts what the last line gives into its place among the outputs, unless the device cannot.
  /// @param outputs of the lines so far; one that others take, too, is exchanged for one with the same values
  /// @returns whether it was done
  bool forward(std::vector<at::Tensor>& outputs, bool training) const;

 private:
  size_t input_ = 0;
  size_t last_ = 0;
  std::optional<size_t> shortcut_;
  FusedNormInputs layer_;
};

}  // namespace kappa
