#include "nn/fused_norm.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>

namespace kappa {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::array<const NormDevice*, static_cast<size_t>(c10::COMPILE_TIME_MAX_DEVICE_TYPES)>& devices() {
  static std::array<const NormDevice*, static_cast<size_t>(c10::COMPILE_TIME_MAX_DEVICE_TYPES)> table{};
  return table;
}

class Operation : public torch::autograd::Function<Operation> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                               const Tensor& bias, const std::optional<Tensor>& slope,
                               const std::optional<Tensor>& shortcut, const Tensor& running_mean,
                               const Tensor& running_variance, bool forks, double momentum, double epsilon,
                               const NormDevice* device) {
    const Tensor statistics = at::empty({2, x.size(1)}, weight.options().requires_grad(false));
    const ChannelTensors channels{statistics[0], statistics[1], weight, bias, slope.value_or(Tensor())};
    device->statistics(x, channels, running_mean, running_variance, momentum, epsilon);
    const Tensor y = at::empty_like(x);
    device->normalize(x, channels, shortcut.value_or(Tensor()), y);
    context->save_for_backward({x, weight, bias, channels.slope, statistics});
    context->saved_data["device"] = reinterpret_cast<int64_t>(device);
    context->saved_data["shortcut"] = shortcut.has_value();
    // A gradient that nobody gives need not be a tensor of zeros.
    context->set_materialize_grads(false);
    return forks ? variable_list{y, x} : variable_list{y};
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    at::NoGradGuard guard;
    const Tensor addend = upstream.size() > 1 ? upstream[1] : Tensor();
    variable_list result(11);
    if (!upstream[0].defined()) {
      result[0] = addend;
      return result;
    }
    const variable_list saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    const auto* device = reinterpret_cast<const NormDevice*>(context->saved_data["device"].toInt());
    const ChannelTensors channels{saved[4][0], saved[4][1], saved[1], saved[2], saved[3]};
    const Tensor by_channel = at::empty({3, x.size(1)}, saved[4].options());
    const ChannelTensors gradients{
        {}, {}, by_channel[0], by_channel[1], channels.slope.defined() ? by_channel[2] : Tensor()};
    const auto laid_out = [](const Tensor& tensor) {
      return tensor.defined() ? tensor.contiguous(at::MemoryFormat::ChannelsLast) : tensor;
    };
    const Tensor above = laid_out(upstream[0]);
    device->channel_gradients(x, above, channels, gradients);
    const Tensor by_x = at::empty_like(x);
    device->input_gradient(x, above, laid_out(addend), channels, gradients, by_x);
    result[0] = by_x;
    result[1] = gradients.weight;
    result[2] = gradients.bias;
    result[3] = gradients.slope;
    if (context->saved_data["shortcut"].toBool()) result[4] = upstream[0];
    return result;
  }
};

}  // namespace

void register_norm_device(c10::DeviceType type, const NormDevice* device) {
  devices().at(static_cast<size_t>(type)) = device;
}

const NormDevice* norm_device(c10::DeviceType type) { return devices().at(static_cast<size_t>(type)); }

FusedNormOutputs fused_batch_norm(const FusedNormInputs& inputs, double momentum, double epsilon,
                                  const NormDevice& device) {
  const c10::OptionalDeviceGuard guard(inputs.x.device());
  const variable_list outputs = Operation::apply(
      inputs.x, inputs.weight, inputs.bias, inputs.slope, inputs.shortcut, inputs.running_mean,
      inputs.running_variance, inputs.forks, momentum, epsilon, &device);
  return {outputs[0], inputs.forks ? outputs[1] : Tensor()};
}

Tensor fused_norm(const FusedNormInputs& inputs, double epsilon, const NormDevice& device) {
  const c10::OptionalDeviceGuard guard(inputs.x.device());
  const Tensor inverse = (inputs.running_variance + epsilon).rsqrt();
  const Tensor y = at::empty_like(inputs.x);
  device.normalize(
      inputs.x, {inputs.running_mean, inverse, inputs.weight, inputs.bias, inputs.slope.value_or(Tensor())},
      inputs.shortcut.value_or(Tensor()), y);
  return y;
}

}  // namespace kappa
