// From decoded pixels to the backbone's input.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>

namespace kappa {

/// Converts a batch of RGB images to what the backbones take: mirrored where asked, mapped from 0..255 to
/// -1..1 by (x / 255 - 0.5) / 0.5, channels_last.
/// @param pixels batch x height x width x 3 bytes
/// @param flips one byte an image, nonzero to mirror it left to right; null for none
/// @returns float32 (batch, 3, height, width), channels_last
at::Tensor images_to_tensor(const uint8_t* pixels, int64_t batch, int64_t height, int64_t width,
                            const uint8_t* flips, const at::Device& device = at::kCPU);

}  // namespace kappa
