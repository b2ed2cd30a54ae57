#include "nn/layer_trace.h"

#include <ATen/ATen.h>

namespace kappa {
namespace {

LayerValues describe(const std::string& layer, const at::Tensor& tensor) {
  const at::NoGradGuard guard;
  const at::Tensor values = tensor.detach().to(at::kFloat);
  const at::Tensor finite = values.isfinite();
  const at::Tensor magnitudes = at::where(finite, values.abs(), at::zeros({}, values.options()));
  const auto bytes = static_cast<int64_t>(tensor.nbytes());
  return {layer, bytes, values.numel() - finite.sum().item<int64_t>(), magnitudes.max().item<double>()};
}

}  // namespace

void LayerTrace::record(const std::string& layer, const at::Tensor& output, bool kept) {
  outputs_.push_back(describe(layer, output));
  if (!kept) outputs_.back().bytes = 0;
  if (!output.requires_grad()) return;
  output.register_hook([gradients = gradients_, layer](const at::Tensor& gradient) {
    if (gradient.defined()) gradients->push_back(describe(layer, gradient));
  });
}

}  // namespace kappa
