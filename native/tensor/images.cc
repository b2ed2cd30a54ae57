#include "tensor/images.h"

#include <ATen/ops/empty.h>

#include <vector>

#include "pixels/kernels.h"
#include "runtime/error.h"
#ifdef KAPPA_CUDA
#include "tensor/cuda/images.h"
#endif

namespace kappa {

at::Tensor images_to_tensor(const uint8_t* bytes, int64_t batch, int64_t height, int64_t width,
                            const uint8_t* flips, const at::Device& device) {
#ifdef KAPPA_CUDA
  if (device.is_cuda()) return cuda::images_to_device(bytes, batch, height, width, flips, device);
#endif
  require(device.is_cpu(), "ERR_DEVICE", "Images cannot be brought to ", device.str(), ".");
  at::Tensor images =
      at::empty({batch, 3, height, width}, at::dtype(at::kFloat), at::MemoryFormat::ChannelsLast);
  float* out = images.data_ptr<float>();
  const int64_t row = width * 3;
  const pixels::Kernels& loops = pixels::kernels();
  std::vector<uint8_t> mirrored(static_cast<size_t>(row));
  // On one thread: a pass over memory gains little from more, and those would keep the decoders from their
  // cores while they wait for work.
  for (int64_t y = 0; y < batch * height; ++y) {
    const uint8_t* from = bytes + y * row;
    if (flips != nullptr && flips[y / height] != 0) {
      loops.mirror(from, static_cast<size_t>(width), mirrored.data());
      from = mirrored.data();
    }
    loops.normalize(from, static_cast<size_t>(row), out + y * row);
  }
  return images;
}

}  // namespace kappa
