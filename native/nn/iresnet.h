// IResNet: the residual network of ArcFace (insightface's iresnet), with its parameter names.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/layer_trace.h"
#include "runtime/precision.h"

namespace kappa {

struct IResNetOptions {
  std::vector<int64_t> blocks = {2, 2, 2, 2};  // of each of the four layers
  double width_multiplier = 1;
  int64_t embedding_size = 512;
  double dropout = 0;
  /// Of the convolutions; weights, batch statistics and the last layers stay float32.
  Precision precision = Precision::float32;
  int64_t image_size = 112;
  at::Device device = at::kCPU;
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

class IResNet {
 public:
  /// Allocates the network: cheap, nothing is written yet.
  explicit IResNet(const IResNetOptions& options);

  /// Fills in the initial weights: convolutions ~ N(0, 0.1), PReLU 0.25, batch norms 1 and 0, the linear
  /// layer uniform in +-1/sqrt(fan-in). Draws from the default generator, in the order of the parameters.
  void initialize();

  /// @param images float32 (batch, 3, image_size, image_size)
  /// @param training normalise by the batch's statistics and update the running ones; drop out
  /// @returns float32 embeddings (batch, embedding_size)
  at::Tensor forward(const at::Tensor& images, bool training);

  /// From now on notes what every layer gives, by its name in the state, or (off) does so no more.
  void trace(bool on) { trace_ = on ? std::make_unique<LayerTrace>() : nullptr; }
  /// What was noted; null while nothing is.
  const LayerTrace* traced() const { return trace_.get(); }

  const NamedTensors& parameters() const { return parameters_; }
  const NamedTensors& buffers() const { return buffers_; }

  /// Copies the buffers aside, so that `restore_buffers` can undo a step whose values were not finite.
  void keep_buffers();
  void restore_buffers();

  /// Moves every parameter towards the source's, p <- momentum p + (1 - momentum) p_source, and copies its
  /// buffers.
  void follow(const IResNet& source, double momentum);

 private:
  struct BatchNorm {
    at::Tensor weight, bias, mean, variance, batches;
  };
  struct Block {
    std::string name;
    BatchNorm bn1, bn2, bn3, shortcut_bn;
    at::Tensor conv1, conv2, prelu, shortcut;
    int64_t stride = 1;
  };

  enum class Start { constant, normal, uniform };
  struct Initial {
    at::Tensor tensor;
    Start start;
    double value;  // the constant, the standard deviation, or the bound
  };

  at::Tensor parameter(const std::string& name, const std::vector<int64_t>& shape, Start start, double value);
  at::Tensor buffer(const std::string& name, int64_t channels, double value);
  BatchNorm batch_norm(const std::string& name, int64_t channels, bool weight_trained = true);
  at::Tensor convolution(const std::string& name, int64_t in, int64_t out, int64_t kernel);
  Block block(const std::string& name, int64_t in, int64_t out, int64_t stride);

  at::Tensor normalize(const at::Tensor& x, const BatchNorm& layer, bool training) const;
  at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, int64_t stride) const;
  at::Tensor project(const at::Tensor& x, const at::Tensor& weight, int64_t stride) const;
  at::Tensor activate(const at::Tensor& x, const at::Tensor& slope) const;
  at::Tensor forward(const at::Tensor& x, const Block& block, bool training) const;

  /// Notes the output of the layer that a parameter belongs to, where somebody asked for it.
  at::Tensor noted(at::Tensor output, const at::Tensor& parameter) const;

  IResNetOptions options_;
  NamedTensors parameters_;
  NamedTensors buffers_;
  std::vector<Initial> initial_;
  std::vector<at::Tensor> kept_buffers_;
  at::Tensor stem_, stem_prelu_, linear_weight_, linear_bias_;
  BatchNorm stem_bn_, last_bn_, features_;
  std::vector<Block> blocks_;
  std::unique_ptr<LayerTrace> trace_;
};

}  // namespace kappa
