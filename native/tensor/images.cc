#include "tensor/images.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

#include "runtime/error.h"
#ifdef KAPPA_CUDA
#include "tensor/cuda/images.h"
#endif

namespace kappa {
namespace {

// Dividing by 0.5 is multiplying by 2, to the bit.
void normalize_row(const uint8_t* from, float* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = (static_cast<float>(from[i]) / 255.0f - 0.5f) * 2.0f;
}

void mirror_row(const uint8_t* from, uint8_t* to, int64_t width) {
  for (int64_t x = 0; x < width; ++x, to += 3) std::copy_n(from + 3 * (width - 1 - x), 3, to);
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
  const int64_t row = width * 3;
  std::vector<uint8_t> mirrored(static_cast<size_t>(row));
  // On one thread: a pass over memory gains little from more, and those would keep the decoders from their
  // cores while they wait for work.
  for (int64_t y = 0; y < batch * height; ++y) {
    const uint8_t* from = pixels + y * row;
    if (flips != nullptr && flips[y / height] != 0) {
      mirror_row(from, mirrored.data(), width);
      from = mirrored.data();
    }
    normalize_row(from, out + y * row, row);
  }
  return images;
}

}  // namespace kappa
