#include "nn/synced_batch_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

namespace kappa {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// All dimensions but the channels.
std::vector<int64_t> reduced(const Tensor& x) {
  std::vector<int64_t> dims{0};
  for (int64_t d = 2; d < x.dim(); ++d) dims.push_back(d);
  return dims;
}

/// A value a channel, ready to be combined with the inputs.
Tensor by_channel(const Tensor& values_C, const Tensor& x) {
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[1] = values_C.size(0);
  return values_C.reshape(shape);
}

class Operation : public torch::autograd::Function<Operation> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const BatchNormTensors& tensors, double momentum, double epsilon, ShardGroup* group) {
    at::NoGradGuard guard;
    const int64_t channels = x.size(1);
    const auto own_count = static_cast<double>(x.numel() / channels);
    const auto [own_variance, own_mean] = at::var_mean(x.to(at::kFloat), reduced(x), /*correction=*/0);
    const Tensor own =
        at::cat({own_mean, own_variance, at::full({1}, own_count, own_mean.options())}).to(at::kDouble);
    const Tensor all = group->gather(own.unsqueeze(0));
    const Tensor counts = all.slice(1, 2 * channels);
    const Tensor means = all.slice(1, 0, channels);
    const Tensor variances = all.slice(1, channels, 2 * channels);
    const Tensor count = counts.sum();
    const Tensor mean = (means * counts).sum(0) / count;
    const Tensor variance = ((variances + (means - mean).square()) * counts).sum(0) / count;
    const Tensor unbiased = variance * (count / (count - 1).clamp_min(1));
    tensors.running_mean.mul_(1 - momentum).add_(mean.to(at::kFloat), momentum);
    tensors.running_var.mul_(1 - momentum).add_(unbiased.to(at::kFloat), momentum);
    const Tensor narrow_mean = mean.to(at::kFloat);
    context->save_for_backward({x, weight, narrow_mean, (variance + epsilon).rsqrt().to(at::kFloat), count});
    context->saved_data["group"] = reinterpret_cast<int64_t>(group);
    return at::batch_norm(x, weight, bias, narrow_mean, variance.to(at::kFloat), /*training=*/false, momentum,
                          epsilon, /*cudnn_enabled=*/true);
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    at::NoGradGuard guard;
    const variable_list saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &inverse = saved[3], &count = saved[4];
    auto* group = reinterpret_cast<ShardGroup*>(context->saved_data["group"].toInt());
    const Tensor gradient = upstream[0].to(at::kFloat);
    const Tensor normalised = (x.to(at::kFloat) - by_channel(mean, x)) * by_channel(inverse, x);
    const Tensor by_bias = gradient.sum(reduced(x));
    const Tensor by_weight = (gradient * normalised).sum(reduced(x));
    Tensor sums = at::stack({by_bias, by_weight});
    group->sum(sums);
    const Tensor means = (sums / count).to(at::kFloat);
    const Tensor centred = gradient - by_channel(means[0], x) - normalised * by_channel(means[1], x);
    const Tensor by_inputs = centred * by_channel(weight * inverse, x);
    return {by_inputs.to(x.scalar_type()), by_weight, by_bias, {}, {}, {}, {}};
  }
};

}  // namespace

Tensor synced_batch_norm(const Tensor& inputs, const BatchNormTensors& tensors, double momentum,
                         double epsilon, ShardGroup& group) {
  return Operation::apply(inputs, tensors.weight, tensors.bias, tensors, momentum, epsilon, &group);
}

}  // namespace kappa
