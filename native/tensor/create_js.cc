// Creation, transfer to and from JavaScript, metadata, casting and devices.
#include <algorithm>
#include <cmath>

#include "runtime/call.h"
#include "runtime/device.h"
#include "tensor/images.h"
#include "tensor/scalar.h"
#include "tensor/tensor_js.h"

namespace kappa {

/// Decoded images.
struct ImageBatch {
  ByteArray pixels;  // batch x height x width x 3
  int64_t batch = 0;
  int64_t height = 0;
  int64_t width = 0;
  std::optional<ByteArray> flips;  // one an image, nonzero to mirror it
};
template <>
struct Fields<ImageBatch> {
  static constexpr const char* name = "ImageBatch";
  static constexpr std::tuple list{Field{"pixels", &ImageBatch::pixels}, Field{"batch", &ImageBatch::batch},
                                   Field{"height", &ImageBatch::height}, Field{"width", &ImageBatch::width},
                                   Field{"flips", &ImageBatch::flips}};
};

namespace {

int64_t element_count(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t size : shape) {
    require(size >= 0, "ERR_SHAPE", "A shape has the negative size ", size, ".");
    require(size == 0 || count <= std::numeric_limits<int64_t>::max() / 16 / std::max<int64_t>(size, 1),
            "ERR_SHAPE", "A shape has too many elements.");
    count *= size;
  }
  return count;
}

/// A tensor on the very memory of the bytes where no conversion is needed.
at::Tensor from_host(const HostBytes& source, const std::vector<int64_t>& shape, at::ScalarType dtype) {
  // A Uint16Array stands for the bits of either half type, a Uint8Array also for booleans.
  const bool reinterpret =
      (source.dtype == at::kBFloat16 && (dtype == at::kBFloat16 || dtype == at::kHalf)) ||
      (source.dtype == at::kByte && dtype == at::kBool);
  const at::ScalarType stored = reinterpret ? dtype : source.dtype;
  const int64_t count = element_count(shape);
  require(static_cast<size_t>(count) * at::elementSize(stored) == source.bytes(), "ERR_SHAPE",
          "The shape has ", count, " elements but the array has ", source.bytes() / at::elementSize(stored),
          ".");
  if (count == 0) return at::empty(shape, at::dtype(dtype));
  return source.content.view(stored).view(shape).to(dtype);
}

}  // namespace

namespace {

/// Fills a tensor with some rows of a larger one as that would be filled as a whole, and leaves the generator
/// as that would. The larger one is drawn piece by piece.
const auto normal_rows = [](const at::Tensor& target, double mean, double deviation, int64_t first,
                            int64_t all) {
  // LibTorch draws 16 numbers at a time: pieces of so many rows give the same numbers as the whole.
  constexpr int64_t unit = 16;
  constexpr int64_t piece_bytes = 4 << 20;
  require(target.dim() == 2 && first >= 0 && first + target.size(0) <= all, "ERR_SHAPE", "Rows ", first,
          " to ", first + target.size(0) - 1, " are none of ", all, ".");
  at::NoGradGuard guard;
  const int64_t columns = target.size(1);
  const int64_t row_bytes = columns * static_cast<int64_t>(target.element_size());
  const int64_t piece = std::max<int64_t>(1, piece_bytes / std::max<int64_t>(1, row_bytes) / unit) * unit;
  const int64_t last = first + target.size(0);
  for (int64_t from = 0; from < all;) {
    // The last piece takes what is left over, for less than 16 numbers are drawn in another way.
    const int64_t to = all - from < 2 * piece ? all : from + piece;
    const at::Tensor drawn =
        at::empty({to - from, columns}, target.options().device(at::kCPU)).normal_(mean, deviation);
    const int64_t begin = std::max(first, from);
    const int64_t end = std::min(last, to);
    if (begin < end)
      target.slice(0, begin - first, end - first).copy_(drawn.slice(0, begin - from, end - from));
    from = to;
  }
};

}  // namespace

void register_creation(Registry& registry) {
  registry.async("fromHost", {"source", "shape", "dtype"},
                 [](const HostBytes& source, const std::vector<int64_t>& shape, at::ScalarType dtype) {
                   return from_host(source, shape, dtype);
                 });
  registry.async("fromShared", {"source", "shape", "dtype"},
                 [](const SharedBytes& source, const std::vector<int64_t>& shape, at::ScalarType dtype) {
                   return from_host(source, shape, dtype);
                 });
  // Only reserves memory; what fills it is queued.
  registry.sync("allocate", {"shape", "dtype", "device"},
                [](const std::vector<int64_t>& shape, at::ScalarType dtype, const at::Device& device) {
                  element_count(shape);
                  require_device(device);
                  return at::empty(shape, at::dtype(dtype).device(device));
                });
  registry.sync("allocateLike", {"a"}, [](const at::Tensor& like) { return at::empty_like(like.detach()); });
  registry.async("normalRowsInto", {"target", "mean", "deviation", "firstRow", "allRows"}, normal_rows);
  registry.async("normalInto", {"target", "mean", "deviation"},
                 [](const at::Tensor& target, double mean, double deviation) {
                   at::NoGradGuard guard;
                   // Drawn on the CPU: the same numbers on every device.
                   target.is_cpu() ? target.normal_(mean, deviation)
                                   : target.copy_(at::empty_like(target, at::kCPU).normal_(mean, deviation));
                 });
  registry.async("full", {"shape", "value", "dtype"},
                 [](const std::vector<int64_t>& shape, double value, at::ScalarType dtype) {
                   element_count(shape);
                   return at::full(shape, element_of(dtype, value), at::dtype(dtype));
                 });
  registry.async("arange", {"start", "end", "step", "dtype"},
                 [](double start, double end, double step, at::ScalarType dtype) {
                   require(std::isfinite(start) && std::isfinite(end) && std::isfinite(step), "ERR_ARGUMENT",
                           "arange() needs finite numbers.");
                   return at::arange(element_of(dtype, start), element_of(dtype, end),
                                     element_of(dtype, step), at::dtype(dtype));
                 });
  registry.async("randn", {"shape", "dtype"}, [](const std::vector<int64_t>& shape, at::ScalarType dtype) {
    element_count(shape);
    return at::randn(shape, at::dtype(dtype));
  });
  registry.async("rand", {"shape", "dtype"}, [](const std::vector<int64_t>& shape, at::ScalarType dtype) {
    element_count(shape);
    return at::rand(shape, at::dtype(dtype));
  });
  registry.async("randint", {"low", "high", "shape", "dtype"},
                 [](int64_t low, int64_t high, const std::vector<int64_t>& shape, at::ScalarType dtype) {
                   element_count(shape);
                   require(low < high, "ERR_ARGUMENT",
                           "randint() draws from low to high - 1: expected low below high but received ", low,
                           " and ", high, ".");
                   return at::randint(low, high, shape, at::dtype(dtype));
                 });
  registry.async("randperm", {"n"}, [](int64_t n) { return at::randperm(n, at::dtype(at::kLong)); });
  registry.async(
      "imagesFromHost", {"images", "device"}, [](const ImageBatch& images, const at::Device& device) {
        const auto& [pixels, batch, height, width, flips] = images;
        require_device(device);
        require(batch >= 0 && height > 0 && width > 0 &&
                    batch * height * width * 3 == static_cast<int64_t>(pixels.bytes()),
                "ERR_SHAPE", "Expected ", batch, " x ", height, " x ", width, " x 3 bytes but received ",
                pixels.bytes(), ".");
        require(!flips || flips->bytes() == static_cast<size_t>(batch), "ERR_SHAPE",
                "Expected one flip flag for each of ", batch, " images.");
        return images_to_tensor(pixels.data(), batch, height, width, flips ? flips->data() : nullptr, device);
      });

  registry.async("toHost", {"a"}, [](const at::Tensor& tensor) {
    at::Tensor values = tensor.detach();
    if (values.scalar_type() == at::kHalf || values.scalar_type() == at::kBFloat16)
      values = values.to(at::kFloat);
    values = values.to(at::kCPU).contiguous();
    // The array must not change with the tensor.
    if (values.is_alias_of(tensor)) values = values.clone();
    return HostArray{values};
  });
  registry.async("item", {"a"}, [](const at::Tensor& tensor) {
    require(tensor.numel() == 1, "ERR_SHAPE", "item() needs a tensor of one element but this has ",
            tensor.numel(), ".");
    return tensor.item<double>();
  });
  registry.async("to", {"a", "dtype", "device", "nonBlocking"},
                 [](const at::Tensor& tensor, const std::optional<at::ScalarType>& dtype,
                    const std::optional<at::Device>& device, bool non_blocking) {
                   if (device) require_device(*device);
                   return tensor.to(device.value_or(tensor.device()), dtype.value_or(tensor.scalar_type()),
                                    non_blocking);
                 });
  registry.async("clone", {"a"}, [](const at::Tensor& tensor) { return tensor.clone(); });
  registry.async("copyInto", {"target", "source"}, [](const at::Tensor& target, const at::Tensor& source) {
    at::NoGradGuard guard;
    target.copy_(source);
  });
  registry.async("fillWith", {"target", "value"}, [](const at::Tensor& target, double value) {
    at::NoGradGuard guard;
    target.fill_(element_of(target.scalar_type(), value));
  });

  registry.sync("shape", {"a"}, [](const at::Tensor& tensor) { return tensor.sizes().vec(); });
  registry.sync("dtype", {"a"}, [](const at::Tensor& tensor) { return tensor.scalar_type(); });
  registry.sync("device", {"a"}, [](const at::Tensor& tensor) { return tensor.device().str(); });
  registry.sync("isChannelsLast", {"a"}, [](const at::Tensor& tensor) {
    return tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
  });
  registry.sync("dispose", {"a"}, [](const Boxed<at::Tensor>& a) { dispose_box(*a.box); });
}

}  // namespace kappa
