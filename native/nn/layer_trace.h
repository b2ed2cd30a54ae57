// LayerTrace: what came out of each layer of a network, and which gradients came back to it.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kappa {

/// One output of a layer, or the gradient of one.
struct LayerValues {
  std::string layer;
  int64_t bytes;       // that the backward pass keeps
  int64_t not_finite;  // elements
  double largest;      // of the magnitudes that are finite
};

class LayerTrace {
 public:
  /// Notes the output of a layer, and its gradient once the backward pass comes by.
  /// @param kept whether the backward pass needs the output
  void record(const std::string& layer, const at::Tensor& output, bool kept);

  const std::vector<LayerValues>& outputs() const { return outputs_; }
  /// In the order of the backward pass: from the last layer to the first.
  const std::vector<LayerValues>& gradients() const { return *gradients_; }

 private:
  std::vector<LayerValues> outputs_;
  /// Shared with the graph, which may outlive the trace.
  std::shared_ptr<std::vector<LayerValues>> gradients_ = std::make_shared<std::vector<LayerValues>>();
};

}  // namespace kappa
