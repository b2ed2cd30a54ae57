// Gradients.
#include "runtime/call.h"
#include "tensor/tensor_js.h"

namespace kappa {

void register_autograd(Registry& registry) {
  using at::Tensor;
  registry.sync("requiresGrad", {"a"}, [](const Tensor& a) { return a.requires_grad(); });
  registry.async("setRequiresGrad", {"a", "value"}, [](const Tensor& a, bool value) {
    require(!value || a.is_floating_point(), "ERR_DTYPE",
            "Only floating-point tensors can require gradients.");
    require(a.is_leaf(), "ERR_ARGUMENT", "Only leaf tensors can change whether they require gradients.");
    a.set_requires_grad(value);
  });
  registry.sync("isLeaf", {"a"}, [](const Tensor& a) { return a.is_leaf(); });
  registry.async("backward", {"a", "gradient", "retainGraph"},
                 [](const Tensor& a, const std::optional<Tensor>& gradient, bool retain_graph) {
                   require(a.requires_grad(), "ERR_ARGUMENT",
                           "backward() needs a tensor that was computed from one that requires "
                           "gradients; this one does not.");
                   require(gradient || a.numel() == 1, "ERR_SHAPE",
                           "backward() without a gradient needs a tensor of one element.");
                   a.backward(gradient ? *gradient : Tensor(), retain_graph);
                 });
  registry.async("grad", {"a"}, [](const Tensor& a) -> std::optional<Tensor> {
    const Tensor& gradient = a.grad();
    if (!gradient.defined()) return std::nullopt;
    return gradient;
  });
  registry.async("zeroGrad", {"tensors", "setToNone"},
                 [](const std::vector<Tensor>& tensors, bool set_to_none) {
                   at::NoGradGuard guard;
                   for (const Tensor& tensor : tensors) {
                     if (set_to_none) {
                       tensor.mutable_grad() = Tensor();
                     } else if (tensor.grad().defined()) {
                       tensor.mutable_grad().zero_();
                     }
                   }
                 });
  registry.async("detach", {"a"}, [](const Tensor& a) { return a.detach(); });
}

}  // namespace kappa
