#include "tensor/images.h"

#include <ATen/Parallel.h>

#include <array>

#include "runtime/error.h"
#ifdef KAPPA_CUDA
#include "tensor/cuda/images.h"
#endif

namespace kappa {
namespace {

const std::array<float, 256>& normalized_values() {
  static const auto table = [] {
    std::array<float, 256> values{};
    for (int i = 0; i < 256; ++i)
      values[static_cast<size_t>(i)] = (static_cast<float>(i) / 255.0f - 0.5f) / 0.5f;
    return values;
  }();
  return table;
}

}  // namespace

at::Tensor images_to_tensor(const uint8_t* pixels, int64_t batch, int64_t height, int64_t width,
                            const uint8_t* flips, const at::Device& device) {
#ifdef KAPPA_CUDA
  if (device.is_cuda()) return cuda::images_to_device(pixels, batch, height, width, flips, device);
#endif
  require(device.is_cpu(), "ERR_DEVICE", "Images cannot be brought to ", device.str(), ".");
  at::Tensor images =
      at::empty({batch, 3, height, width}, at::dtype(at::kFloat), at::MemoryFormat::ChannelsLast);
  float* out = images.data_ptr<float>();
  const auto& value_of = normalized_values();
  const int64_t row = width * 3;
  at::parallel_for(0, batch * height, 64, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      const uint8_t* from = pixels + y * row;
      float* to = out + y * row;
      if (flips != nullptr && flips[y / height] != 0) {
        for (int64_t x = 0; x < width; ++x) {
          const uint8_t* pixel = from + (width - 1 - x) * 3;
          to[3 * x] = value_of[pixel[0]];
          to[3 * x + 1] = value_of[pixel[1]];
          to[3 * x + 2] = value_of[pixel[2]];
        }
      } else {
        for (int64_t i = 0; i < row; ++i) to[i] = value_of[from[i]];
      }
    }
  });
  return images;
}

}  // namespace kappa
