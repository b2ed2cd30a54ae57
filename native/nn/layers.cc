#include "nn/layers.h"

#include <ATen/ATen.h>

#include <cmath>

#include "nn/subsample.h"
#include "nn/synced_batch_norm.h"
#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;
using Inputs = std::vector<Tensor>;
using Kind = Initial::Kind;

constexpr double convolution_deviation = 0.1;
constexpr double prelu_slope = 0.25;

/// Weights are float32; products are in the type of what comes in.
Tensor in_type_of(const Tensor& x, const Tensor& weight) { return weight.to(x.scalar_type()); }

class Convolution : public Layer {
 public:
  Convolution(const LayerDescription& layer, const ActivationShape& input, Module& module)
      : stride_(layer.stride),
        padding_(layer.kernel / 2),
        weight_(module.add_parameter(layer.name + ".weight",
                                     {layer.channels, input.channels, layer.kernel, layer.kernel},
                                     {Kind::normal, convolution_deviation})) {}

  Tensor forward(const Inputs& inputs, bool) const override {
    const Tensor& x = inputs.front();
    return at::conv2d(x, in_type_of(x, weight_), {}, stride_, padding_);
  }

 private:
  int64_t stride_;
  int64_t padding_;
  Tensor weight_;
};

/// A convolution with a 1 x 1 kernel is a product over the channels of every stride-th pixel. As a
/// convolution its backward pass writes beyond its memory in oneDNN (LibTorch 2.13, float32, fewer than 16
/// channels), so only other devices than the CPU take it for one.
class Projection : public Layer {
 public:
  Projection(const LayerDescription& layer, const ActivationShape& input, Module& module)
      : stride_(layer.stride),
        weight_(module.add_parameter(layer.name + ".weight", {layer.channels, input.channels, 1, 1},
                                     {Kind::normal, convolution_deviation})) {}

  Tensor forward(const Inputs& inputs, bool) const override {
    const Tensor& x = inputs.front();
    if (!x.is_cpu()) return at::conv2d(x, in_type_of(x, weight_), {}, stride_);
    const Tensor pixels = subsample(x, stride_);
    return at::linear(pixels.permute({0, 2, 3, 1}), in_type_of(x, weight_.flatten(1))).permute({0, 3, 1, 2});
  }

 private:
  int64_t stride_;
  Tensor weight_;
};

class BatchNorm : public Layer {
 public:
  BatchNorm(const LayerDescription& layer, const ActivationShape& input, Module& module)
      : module_(module),
        weight_(module.add_parameter(layer.name + ".weight", {input.channels}, {Kind::constant, 1})),
        bias_(module.add_parameter(layer.name + ".bias", {input.channels}, {Kind::constant, 0})),
        mean_(module.add_buffer(layer.name + ".running_mean", input.channels, {Kind::constant, 0})),
        variance_(module.add_buffer(layer.name + ".running_var", input.channels, {Kind::constant, 1})) {
    weight_.set_requires_grad(layer.weight_trained);
    module.add_batch_counter(layer.name + ".num_batches_tracked");
  }

  Tensor forward(const Inputs& inputs, bool training) const override {
    ShardGroup* group = module_.batch_group();
    if (training && group != nullptr) {
      return synced_batch_norm(inputs.front(), {weight_, bias_, mean_, variance_}, batch_norm_momentum,
                               batch_norm_epsilon, *group);
    }
    return at::batch_norm(inputs.front(), weight_, bias_, mean_, variance_, training, batch_norm_momentum,
                          batch_norm_epsilon, /*cudnn_enabled=*/true);
  }

  std::vector<Tensor> tensors() const override { return {weight_, bias_, mean_, variance_}; }

 private:
  const Module& module_;
  Tensor weight_, bias_, mean_, variance_;
};

class PReLU : public Layer {
 public:
  PReLU(const LayerDescription& layer, const ActivationShape& input, Module& module)
      : slope_(
            module.add_parameter(layer.name + ".weight", {input.channels}, {Kind::constant, prelu_slope})) {}

  Tensor forward(const Inputs& inputs, bool) const override {
    return at::prelu(inputs.front(), in_type_of(inputs.front(), slope_));
  }

  std::vector<Tensor> tensors() const override { return {slope_}; }

 private:
  Tensor slope_;
};

class Dropout : public Layer {
 public:
  explicit Dropout(double rate) : rate_(rate) {}

  Tensor forward(const Inputs& inputs, bool training) const override {
    return at::dropout(inputs.front(), rate_, training);
  }

 private:
  double rate_;
};

/// One vector an image, in float32: what follows a flattened layer computes in float32.
class Flatten : public Layer {
 public:
  Tensor forward(const Inputs& inputs, bool) const override {
    return inputs.front().flatten(1).to(at::kFloat);
  }
};

/// Weights and bias begin uniform in +-1/sqrt(fan-in).
class Linear : public Layer {
 public:
  Linear(const LayerDescription& layer, const ActivationShape& input, Module& module) {
    const Initial initial{Kind::uniform, 1 / std::sqrt(static_cast<double>(input.channels))};
    weight_ = module.add_parameter(layer.name + ".weight", {layer.channels, input.channels}, initial);
    bias_ = module.add_parameter(layer.name + ".bias", {layer.channels}, initial);
  }

  Tensor forward(const Inputs& inputs, bool) const override {
    return at::linear(inputs.front(), weight_, bias_);
  }

 private:
  Tensor weight_, bias_;
};

class Sum : public Layer {
 public:
  Tensor forward(const Inputs& inputs, bool) const override { return inputs.front() + inputs.back(); }
};

}  // namespace

std::unique_ptr<Layer> make_layer(const Topology& topology, size_t place, Module& module) {
  const LayerDescription& layer = topology.layers()[place];
  const ActivationShape& input = topology.input_shape(place);
  switch (layer.kind) {
    case LayerKind::convolution:
      return std::make_unique<Convolution>(layer, input, module);
    case LayerKind::projection:
      return std::make_unique<Projection>(layer, input, module);
    case LayerKind::batch_norm:
      return std::make_unique<BatchNorm>(layer, input, module);
    case LayerKind::prelu:
      return std::make_unique<PReLU>(layer, input, module);
    case LayerKind::dropout:
      return std::make_unique<Dropout>(layer.rate);
    case LayerKind::flatten:
      return std::make_unique<Flatten>();
    case LayerKind::linear:
      return std::make_unique<Linear>(layer, input, module);
    case LayerKind::sum:
      return std::make_unique<Sum>();
    default:
      throw Error("ERR_INTERNAL", "The images are no layer.");
  }
}

}  // namespace kappa
