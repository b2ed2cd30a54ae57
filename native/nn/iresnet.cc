#include "nn/iresnet.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;

constexpr double batch_norm_epsilon = 1e-5;
constexpr double batch_norm_momentum = 0.1;
constexpr std::array<int64_t, 4> layer_widths = {64, 128, 256, 512};

int64_t scaled(int64_t width, double multiplier) {
  return std::max<int64_t>(1, std::llround(static_cast<double>(width) * multiplier));
}

}  // namespace

IResNet::IResNet(const IResNetOptions& options) : options_(options) {
  require(options.blocks.size() == layer_widths.size(), "ERR_ARGUMENT",
          "Expected the blocks of four layers.");
  require(options.embedding_size > 0, "ERR_ARGUMENT", "embeddingSize must be above 0.");
  require(options.width_multiplier > 0 && options.width_multiplier <= 16, "ERR_ARGUMENT",
          "widthMultiplier must lie in (0, 16].");
  require(options.dropout >= 0 && options.dropout < 1, "ERR_ARGUMENT", "dropout must lie in [0, 1).");
  require(options.image_size >= 16 && options.image_size % 16 == 0, "ERR_ARGUMENT",
          "imageSize must be a multiple of 16.");

  int64_t channels = scaled(layer_widths[0], options.width_multiplier);
  stem_ = convolution("conv1.weight", 3, channels, 3);
  stem_bn_ = batch_norm("bn1", channels);
  stem_prelu_ = parameter("prelu.weight", {channels}, Start::constant, 0.25);
  for (size_t layer = 0; layer < layer_widths.size(); ++layer) {
    const int64_t width = scaled(layer_widths[layer], options.width_multiplier);
    for (int64_t index = 0; index < options.blocks[layer]; ++index) {
      const std::string name = text("layer", layer + 1, ".", index);
      blocks_.push_back(block(name, channels, width, index == 0 ? 2 : 1));
      channels = width;
    }
  }
  last_bn_ = batch_norm("bn2", channels);
  const int64_t side = options.image_size / 16;
  const int64_t inputs = channels * side * side;
  const double bound = 1 / std::sqrt(static_cast<double>(inputs));
  linear_weight_ = parameter("fc.weight", {options.embedding_size, inputs}, Start::uniform, bound);
  linear_bias_ = parameter("fc.bias", {options.embedding_size}, Start::uniform, bound);
  features_ = batch_norm("features", options.embedding_size, /*weight_trained=*/false);
}

Tensor IResNet::parameter(const std::string& name, const std::vector<int64_t>& shape, Start start,
                          double value) {
  const auto format = shape.size() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  Tensor tensor = at::empty(shape, at::dtype(at::kFloat).device(options_.device), format);
  tensor.set_requires_grad(true);
  parameters_.emplace_back(name, tensor);
  initial_.push_back({tensor, start, value});
  return tensor;
}

Tensor IResNet::buffer(const std::string& name, int64_t channels, double value) {
  Tensor tensor = at::empty({channels}, at::dtype(at::kFloat).device(options_.device));
  buffers_.emplace_back(name, tensor);
  initial_.push_back({tensor, Start::constant, value});
  return tensor;
}

void IResNet::initialize() {
  at::NoGradGuard guard;
  for (const auto& [tensor, start, value] : initial_) {
    // Drawn in the plain layout and on the CPU, so that the values do not depend on how and where they are
    // stored.
    if (start == Start::constant) tensor.fill_(value);
    if (start == Start::normal) tensor.copy_(at::empty(tensor.sizes()).normal_(0, value));
    if (start == Start::uniform) tensor.copy_(at::empty(tensor.sizes()).uniform_(-value, value));
  }
  initial_.clear();
}

IResNet::BatchNorm IResNet::batch_norm(const std::string& name, int64_t channels, bool weight_trained) {
  BatchNorm layer;
  layer.weight = parameter(name + ".weight", {channels}, Start::constant, 1);
  layer.weight.set_requires_grad(weight_trained);
  layer.bias = parameter(name + ".bias", {channels}, Start::constant, 0);
  layer.mean = buffer(name + ".running_mean", channels, 0);
  layer.variance = buffer(name + ".running_var", channels, 1);
  layer.batches = at::zeros({}, at::dtype(at::kLong).device(options_.device));
  buffers_.emplace_back(name + ".num_batches_tracked", layer.batches);
  return layer;
}

Tensor IResNet::convolution(const std::string& name, int64_t in, int64_t out, int64_t kernel) {
  return parameter(name, {out, in, kernel, kernel}, Start::normal, 0.1);
}

IResNet::Block IResNet::block(const std::string& name, int64_t in, int64_t out, int64_t stride) {
  Block block;
  block.name = name;
  block.stride = stride;
  block.bn1 = batch_norm(name + ".bn1", in);
  block.conv1 = convolution(name + ".conv1.weight", in, out, 3);
  block.bn2 = batch_norm(name + ".bn2", out);
  block.prelu = parameter(name + ".prelu.weight", {out}, Start::constant, 0.25);
  block.conv2 = convolution(name + ".conv2.weight", out, out, 3);
  block.bn3 = batch_norm(name + ".bn3", out);
  if (stride != 1 || in != out) {
    block.shortcut = convolution(name + ".downsample.0.weight", in, out, 1);
    block.shortcut_bn = batch_norm(name + ".downsample.1", out);
  }
  return block;
}

Tensor IResNet::normalize(const Tensor& x, const BatchNorm& layer, bool training) const {
  if (training) {
    at::NoGradGuard guard;
    layer.batches.add_(1);
  }
  return noted(at::batch_norm(x, layer.weight, layer.bias, layer.mean, layer.variance, training,
                              batch_norm_momentum, batch_norm_epsilon, /*cudnn_enabled=*/true),
               layer.weight);
}

Tensor IResNet::convolve(const Tensor& x, const Tensor& weight, int64_t stride) const {
  return noted(at::conv2d(x, weight.to(x.scalar_type()), {}, stride, /*padding=*/1), weight);
}

// A convolution with a 1 x 1 kernel is a product over the channels of every stride-th pixel. As a convolution
// its backward pass writes beyond its memory in oneDNN (LibTorch 2.13, float32, fewer than 16 channels).
Tensor IResNet::project(const Tensor& x, const Tensor& weight, int64_t stride) const {
  Tensor pixels = x.slice(2, std::nullopt, std::nullopt, stride).slice(3, std::nullopt, std::nullopt, stride);
  return noted(
      at::linear(pixels.permute({0, 2, 3, 1}), weight.flatten(1).to(x.scalar_type())).permute({0, 3, 1, 2}),
      weight);
}

Tensor IResNet::activate(const Tensor& x, const Tensor& slope) const {
  return noted(at::prelu(x, slope.to(x.scalar_type())), slope);
}

Tensor IResNet::noted(Tensor output, const Tensor& parameter) const {
  if (!trace_) return output;
  const auto same = [&](const auto& named) { return named.second.is_same(parameter); };
  const auto found = std::find_if(parameters_.begin(), parameters_.end(), same);
  const std::string& name = found->first;
  trace_->record(name.substr(0, name.rfind('.')), output);
  return output;
}

Tensor IResNet::forward(const Tensor& x, const Block& block, bool training) const {
  Tensor y = normalize(x, block.bn1, training);
  y = convolve(y, block.conv1, 1);
  y = normalize(y, block.bn2, training);
  y = activate(y, block.prelu);
  y = convolve(y, block.conv2, block.stride);
  y = normalize(y, block.bn3, training);
  if (trace_) trace_->last_is_passing();  // a sum keeps nothing
  if (!block.shortcut.defined()) {
    y = y + x;
  } else {
    Tensor shortcut = normalize(project(x, block.shortcut, block.stride), block.shortcut_bn, training);
    if (trace_) trace_->last_is_passing();
    y = y + shortcut;
  }
  if (trace_) trace_->record(block.name, y);
  return y;
}

Tensor IResNet::forward(const Tensor& images, bool training) {
  require(images.dim() == 4 && images.size(1) == 3 && images.size(2) == options_.image_size &&
              images.size(3) == options_.image_size,
          "ERR_SHAPE", "Expected images (batch, 3, ", options_.image_size, ", ", options_.image_size,
          ") but received ", images.sizes(), ".");
  require(images.scalar_type() == at::kFloat, "ERR_DTYPE", "Expected float32 images.");
  require(!training || images.size(0) > 1, "ERR_SHAPE",
          "Training needs at least two images a batch: batch normalisation has no variance of one.");
  Tensor x = images.contiguous(at::MemoryFormat::ChannelsLast);
  x = x.to(scalar_type_of(options_.precision));
  x = convolve(x, stem_, 1);
  x = normalize(x, stem_bn_, training);
  x = activate(x, stem_prelu_);
  for (const Block& block : blocks_) x = forward(x, block, training);
  x = normalize(x, last_bn_, training);
  x = at::dropout(x, options_.dropout, training);
  x = x.flatten(1).to(at::kFloat);
  x = noted(at::linear(x, linear_weight_, linear_bias_), linear_weight_);
  return normalize(x, features_, training);
}

void IResNet::keep_buffers() {
  at::NoGradGuard guard;
  if (kept_buffers_.empty()) {
    for (const auto& [name, buffer] : buffers_) kept_buffers_.push_back(buffer.clone());
    return;
  }
  for (size_t i = 0; i < buffers_.size(); ++i) kept_buffers_[i].copy_(buffers_[i].second);
}

void IResNet::restore_buffers() {
  at::NoGradGuard guard;
  require(!kept_buffers_.empty(), "ERR_INTERNAL", "No buffers were kept.");
  for (size_t i = 0; i < buffers_.size(); ++i) buffers_[i].second.copy_(kept_buffers_[i]);
}

void IResNet::follow(const IResNet& source, double momentum) {
  require(parameters_.size() == source.parameters_.size(), "ERR_ARGUMENT", "The networks differ in depth.");
  at::NoGradGuard guard;
  std::vector<Tensor> own;
  std::vector<Tensor> theirs;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    require(parameters_[i].second.sizes() == source.parameters_[i].second.sizes(), "ERR_SHAPE",
            "The networks differ in the shape of ", parameters_[i].first, ".");
    own.push_back(parameters_[i].second);
    theirs.push_back(source.parameters_[i].second);
  }
  at::_foreach_mul_(own, momentum);
  at::_foreach_add_(own, theirs, 1 - momentum);
  for (size_t i = 0; i < buffers_.size(); ++i) buffers_[i].second.copy_(source.buffers_[i].second);
}

}  // namespace kappa
