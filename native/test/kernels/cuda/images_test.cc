// The CUDA kernel, from the source that nvcc compiles, executed on the CPU.
#include "test/cuda_on_cpu.h"
// Before the kernel: its macros come from there.
#include <ATen/ATen.h>

#include <cstring>
#include <random>

#include "kernels/cuda/images.cuh"
#include "tensor/images.h"
#include "test/test.h"

namespace {

TEST("the CUDA kernel for images gives the CPU's bits, mirrored or not, at widths of every remainder") {
  std::mt19937 generator(3);
  for (const int64_t width : {1, 2, 3, 4, 7, 16, 112}) {
    for (const bool flipping : {false, true}) {
      const int64_t batch = 3;
      const int64_t height = 5;
      std::vector<uint8_t> pixels(static_cast<size_t>(batch * height * width * 3));
      for (auto& pixel : pixels) pixel = static_cast<uint8_t>(generator());
      const std::vector<uint8_t> flips = {1, 0, 1};
      const uint8_t* flags = flipping ? flips.data() : nullptr;
      const at::Tensor expected = kappa::images_to_tensor(pixels.data(), batch, height, width, flags);
      at::Tensor actual = at::full_like(expected, -9);
      kappa::cuda::normalize_images(pixels.data(), flags, batch, height, width, actual.data_ptr<float>(),
                                    nullptr);
      EXPECT(std::memcmp(actual.const_data_ptr(), expected.const_data_ptr(), expected.nbytes()) == 0);
    }
  }
}

}  // namespace
