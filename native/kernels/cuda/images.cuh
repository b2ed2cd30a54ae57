// The kernel itself. nvcc compiles this file for the device; the tests compile the very same file for the CPU
// with test/cuda_on_cpu.h.
#pragma once
#include "kernels/cuda/images.h"

namespace kappa::cuda {

/// 16 bytes: what a thread stores at once.
struct alignas(16) FourFloats {
  float values[4];
};

__device__ inline float normalized(uint8_t value) {
  return (static_cast<float>(value) / 255.0f - 0.5f) / 0.5f;
}

/// A warp for a row of an image.
__global__ void normalize_images_kernel(const uint8_t* pixels, const uint8_t* flips, int64_t rows, int height,
                                        int width, float* out) {
  constexpr int warp = 32;
  const auto lane = static_cast<int>(threadIdx.x % warp);
  const int64_t warps = blockDim.x / warp;
  const int length = 3 * width;
  for (int64_t y = blockIdx.x * warps + threadIdx.x / warp; y < rows; y += gridDim.x * warps) {
    const uint8_t* from = pixels + y * length;
    float* to = out + y * length;
    const bool mirrored = flips != nullptr && flips[y / height] != 0;
    // Element i of the result is channel i % 3 of its pixel.
    const auto value_of = [&](int i) {
      const int channel = i % 3;
      return normalized(from[mirrored ? length - 3 - (i - channel) + channel : i]);
    };
    if (length % 4 == 0) {
      for (int i = 4 * lane; i < length; i += 4 * warp) {
        FourFloats four;
        for (int j = 0; j < 4; ++j) four.values[j] = value_of(i + j);
        *reinterpret_cast<FourFloats*>(to + i) = four;
      }
    } else {
      for (int i = lane; i < length; i += warp) to[i] = value_of(i);
    }
  }
}

void normalize_images(const uint8_t* pixels, const uint8_t* flips, int64_t batch, int64_t height,
                      int64_t width, float* out, cudaStream_t stream) {
  constexpr int64_t warps = 8;
  constexpr int64_t most_blocks = 4096;
  const int64_t rows = batch * height;
  const int64_t blocks = (rows + warps - 1) / warps;
  if (rows == 0) return;
  const auto grid = static_cast<unsigned>(blocks < most_blocks ? blocks : most_blocks);
  KAPPA_LAUNCH(normalize_images_kernel, grid, static_cast<unsigned>(warps * 32), stream, pixels, flips, rows,
               static_cast<int>(height), static_cast<int>(width), out);
}

}  // namespace kappa::cuda
