#include "tensor/cuda/images.h"

#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <cstring>
#include <optional>
#include <vector>

#include "kernels/cuda/images.h"

namespace kappa::cuda {
namespace {

using c10::cuda::CUDAStream;

/// The stream on which images go up to a device, beside the one that computes there. Used by the compute
/// thread alone.
CUDAStream upload_stream(const at::Device& device) {
  static std::vector<std::optional<CUDAStream>> streams;
  const auto index = static_cast<size_t>(device.index());
  if (streams.size() <= index) streams.resize(index + 1);
  if (!streams[index])
    streams[index] = c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index());
  return *streams[index];
}

/// Sends pixels and flags up in one transfer, behind nothing that computes; `computing` waits for it.
/// LibTorch keeps pinned memory, and gives it out again once its transfer has ended.
at::Tensor upload(const uint8_t* pixels, int64_t count, const uint8_t* flips, int64_t batch,
                  const at::Device& device, const CUDAStream& computing) {
  const int64_t flags = flips != nullptr ? batch : 0;
  const at::Tensor staged = at::empty({count + flags}, at::TensorOptions(at::kByte).pinned_memory(true));
  auto* bytes = staged.mutable_data_ptr<uint8_t>();
  std::memcpy(bytes, pixels, static_cast<size_t>(count));
  if (flags > 0) std::memcpy(bytes + count, flips, static_cast<size_t>(flags));

  const CUDAStream uploading = upload_stream(device);
  c10::Event arrived(c10::DeviceType::CUDA);
  at::Tensor there;
  {
    const c10::cuda::CUDAStreamGuard guard(uploading);
    there = staged.to(device, /*non_blocking=*/true);
    arrived.record(uploading.unwrap());
  }
  arrived.block(computing.unwrap());
  // The memory is the upload stream's: the next images must not take it before these have been used.
  there.record_stream(computing.unwrap());
  return there;
}

}  // namespace

at::Tensor images_to_device(const uint8_t* pixels, int64_t batch, int64_t height, int64_t width,
                            const uint8_t* flips, const at::Device& device) {
  at::Tensor images = at::empty({batch, 3, height, width}, at::dtype(at::kFloat).device(device),
                                at::MemoryFormat::ChannelsLast);
  if (images.numel() == 0) return images;
  const c10::cuda::CUDAGuard guard(images.device());
  const CUDAStream computing = c10::cuda::getCurrentCUDAStream();
  const at::Tensor bytes = upload(pixels, images.numel(), flips, batch, images.device(), computing);
  const auto* first = bytes.const_data_ptr<uint8_t>();
  normalize_images(first, flips != nullptr ? first + images.numel() : nullptr, batch, height, width,
                   images.data_ptr<float>(), computing);
  return images;
}

}  // namespace kappa::cuda
