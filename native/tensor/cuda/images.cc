#include "tensor/cuda/images.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <cstring>

#include "kernels/cuda/images.h"

namespace kappa::cuda {
namespace {

at::Tensor upload(const uint8_t* bytes, int64_t count, const at::Device& device) {
  const at::Tensor staged = at::empty({count}, at::TensorOptions(at::kByte).pinned_memory(true));
  std::memcpy(staged.mutable_data_ptr(), bytes, static_cast<size_t>(count));
  return staged.to(device, /*non_blocking=*/true);
}

}  // namespace

at::Tensor images_to_device(const uint8_t* pixels, int64_t batch, int64_t height, int64_t width,
                            const uint8_t* flips, const at::Device& device) {
  at::Tensor images = at::empty({batch, 3, height, width}, at::dtype(at::kFloat).device(device),
                                at::MemoryFormat::ChannelsLast);
  if (images.numel() == 0) return images;
  const c10::cuda::CUDAGuard guard(images.device());
  const at::Tensor bytes = upload(pixels, images.numel(), images.device());
  const at::Tensor flags = flips != nullptr ? upload(flips, batch, images.device()) : at::Tensor();
  normalize_images(bytes.const_data_ptr<uint8_t>(),
                   flags.defined() ? flags.const_data_ptr<uint8_t>() : nullptr, batch, height, width,
                   images.data_ptr<float>(), c10::cuda::getCurrentCUDAStream());
  return images;
}

}  // namespace kappa::cuda
