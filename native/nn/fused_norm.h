// Batch normalisation of images together with what follows it in a residual network, in as few passes over
// memory as there can be: a PReLU or the sum with the shortcut in the pass that normalises, and in the
// backward pass the sum with the gradient that comes back along the shortcut. What a PReLU takes is not kept:
// the backward pass computes it again.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/DeviceType.h>

#include <optional>

namespace kappa {

/// By channel, float32.
struct ChannelTensors {
  at::Tensor mean, inverse;  // inverse: 1 / sqrt(variance + epsilon)
  at::Tensor weight, bias;
  at::Tensor slope;  // undefined: no PReLU follows
};

/// What a kind of device does of it. x, y and their gradients have one element type and are channels_last.
struct NormDevice {
  /// Whether the functions below take such images.
  bool (*takes)(const at::Tensor& x);
  /// Fills mean and inverse, and moves the running ones, which may be undefined.
  void (*statistics)(const at::Tensor& x, const ChannelTensors& channels, const at::Tensor& running_mean,
                     const at::Tensor& running_variance, double momentum, double epsilon);
  /// @param shortcut is added; undefined: nothing is
  void (*normalize)(const at::Tensor& x, const ChannelTensors& channels, const at::Tensor& shortcut,
                    const at::Tensor& y);
  /// Fills weight, bias and, where there is one, slope of `gradients`.
  void (*channel_gradients)(const at::Tensor& x, const at::Tensor& upstream, const ChannelTensors& channels,
                            const ChannelTensors& gradients);
  /// @param addend is added; undefined: nothing is
  void (*input_gradient)(const at::Tensor& x, const at::Tensor& upstream, const at::Tensor& addend,
                         const ChannelTensors& channels, const ChannelTensors& gradients,
                         const at::Tensor& out);
};

/// The table of devices. Each registers itself: what is not built is not there.
void register_norm_device(c10::DeviceType type, const NormDevice* device);
/// Null where a kind of device has none.
const NormDevice* norm_device(c10::DeviceType type);

struct FusedNormInputs {
  at::Tensor x;
  at::Tensor weight, bias, running_mean, running_variance;
  std::optional<at::Tensor> slope = {};     // of a PReLU that follows
  std::optional<at::Tensor> shortcut = {};  // is added; not where a PReLU follows
  bool forks = false;                       // others take x, too
};

struct FusedNormOutputs {
  at::Tensor y;
  /// Where it forks, x for the others: their gradients are added by the backward pass of this.
  at::Tensor x;
};

/// By the statistics of the batch, which move the running ones.
FusedNormOutputs fused_batch_norm(const FusedNormInputs& inputs, double momentum, double epsilon,
                                  const NormDevice& device);

/// By the running statistics; without gradients.
at::Tensor fused_norm(const FusedNormInputs& inputs, double epsilon, const NormDevice& device);

}  // namespace kappa
