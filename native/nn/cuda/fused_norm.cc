// Fused batch normalisation (nn/fused_norm.h) on a CUDA device, by the kernels of kernels/cuda, on the
// current stream.
#include "nn/fused_norm.h"

#include <ATen/ATen.h>

#include "kernels/cuda/batch_norm.h"
#include "runtime/cuda_stream.h"

namespace kappa::cuda {
namespace {

using at::Tensor;

/// Calls `body` with the type that kernels have for an element type.
template <class Body>
void with_element(at::ScalarType type, const Body& body) {
  switch (type) {
    case at::kBFloat16:
      return body(BFloat16{});
    case at::kHalf:
      return body(Half{});
    default:
      return body(float{});
  }
}

template <class L>
const L* elements(const Tensor& tensor) {
  return tensor.defined() ? static_cast<const L*>(tensor.const_data_ptr()) : nullptr;
}

float* values(const Tensor& tensor) { return tensor.defined() ? tensor.mutable_data_ptr<float>() : nullptr; }

int64_t channels_of(const Tensor& x) { return x.size(1); }
int64_t rows_of(const Tensor& x) { return x.numel() / x.size(1); }

ChannelNorm norm_of(const ChannelTensors& channels) {
  return {elements<float>(channels.mean), elements<float>(channels.inverse), elements<float>(channels.weight),
          elements<float>(channels.bias), elements<float>(channels.slope)};
}

ChannelGradients gradients_of(const ChannelTensors& gradients) {
  return {values(gradients.weight), values(gradients.bias), values(gradients.slope)};
}

Tensor scratch_for(const Tensor& x) {
  return at::empty({norm_scratch(rows_of(x), channels_of(x), x.element_size())},
                   x.options().dtype(at::kFloat).requires_grad(false).memory_format(std::nullopt));
}

bool takes(const Tensor& x) {
  const auto type = x.scalar_type();
  return x.dim() == 4 && x.numel() > 0 &&
         (type == at::kFloat || type == at::kHalf || type == at::kBFloat16) &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast) && norm_takes(channels_of(x), x.element_size());
}

void statistics(const Tensor& x, const ChannelTensors& channels, const Tensor& running_mean,
                const Tensor& running_variance, double momentum, double epsilon) {
  const Tensor scratch = scratch_for(x);
  const ChannelStatistics wanted{values(channels.mean),
                                 values(channels.inverse),
                                 values(running_mean),
                                 values(running_variance),
                                 momentum,
                                 epsilon};
  with_element(x.scalar_type(), [&](auto type) {
    batch_statistics(elements<decltype(type)>(x), rows_of(x), channels_of(x), wanted, values(scratch),
                     current_stream());
  });
}

void normalized(const Tensor& x, const ChannelTensors& channels, const Tensor& shortcut, const Tensor& y) {
  with_element(x.scalar_type(), [&](auto type) {
    using L = decltype(type);
    normalize(elements<L>(x), rows_of(x), channels_of(x), norm_of(channels), elements<L>(shortcut),
              static_cast<L*>(y.mutable_data_ptr()), current_stream());
  });
}

void channel_gradients(const Tensor& x, const Tensor& upstream, const ChannelTensors& channels,
                       const ChannelTensors& gradients) {
  const Tensor scratch = scratch_for(x);
  with_element(x.scalar_type(), [&](auto type) {
    using L = decltype(type);
    norm_gradients(elements<L>(x), elements<L>(upstream), rows_of(x), channels_of(x), norm_of(channels),
                   gradients_of(gradients), values(scratch), current_stream());
  });
}

void input_gradient(const Tensor& x, const Tensor& upstream, const Tensor& addend,
                    const ChannelTensors& channels, const ChannelTensors& gradients, const Tensor& out) {
  with_element(x.scalar_type(), [&](auto type) {
    using L = decltype(type);
    input_gradients(elements<L>(x), elements<L>(upstream), elements<L>(addend), rows_of(x), channels_of(x),
                    norm_of(channels), gradients_of(gradients), static_cast<L*>(out.mutable_data_ptr()),
                    current_stream());
  });
}

const NormDevice norms{takes, statistics, normalized, channel_gradients, input_gradient};
#ifndef KAPPA_NORM_PIECES
[[maybe_unused]] const bool norms_registered = (register_norm_device(at::kCUDA, &norms), true);
#endif

}  // namespace
}  // namespace kappa::cuda
