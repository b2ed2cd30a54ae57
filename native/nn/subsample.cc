#include "nn/subsample.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace kappa {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Tensor every(const Tensor& x, int64_t stride) {
  return x.slice(2, std::nullopt, std::nullopt, stride).slice(3, std::nullopt, std::nullopt, stride);
}

class Operation : public torch::autograd::Function<Operation> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, int64_t stride) {
    context->saved_data["stride"] = stride;
    context->saved_data["shape"] = x.sizes().vec();
    return every(x, stride).contiguous(at::MemoryFormat::ChannelsLast);
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    const Tensor whole = at::empty(context->saved_data["shape"].toIntVector(), upstream[0].options(),
                                   at::MemoryFormat::ChannelsLast)
                             .zero_();
    every(whole, context->saved_data["stride"].toInt()).copy_(upstream[0]);
    return {whole, {}};
  }
};

}  // namespace

Tensor subsample(const Tensor& x, int64_t stride) { return stride == 1 ? x : Operation::apply(x, stride); }

}  // namespace kappa
