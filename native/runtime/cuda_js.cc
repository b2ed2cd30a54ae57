#include "runtime/cuda_js.h"

#include <ATen/Context.h>

#include <string>
#include <vector>

#include "runtime/call.h"
#include "runtime/memory_js.h"

#ifdef KAPPA_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#endif

namespace kappa {

struct DeviceInfo {
  std::string name;
  int64_t major = 0;  // compute capability
  int64_t minor = 0;
  int64_t memory = 0;  // bytes
};
template <>
struct Fields<DeviceInfo> {
  static constexpr const char* name = "CudaDevice";
  static constexpr std::tuple list{Field{"name", &DeviceInfo::name}, Field{"major", &DeviceInfo::major},
                                   Field{"minor", &DeviceInfo::minor}, Field{"memory", &DeviceInfo::memory}};
};

namespace {

#ifdef KAPPA_CUDA

constexpr bool built_with_cuda = true;

int64_t device_count() { return c10::cuda::device_count(); }

c10::DeviceIndex checked_device(int64_t device) {
  const int64_t count = device_count();
  require(count > 0, "ERR_DEVICE", "No GPU that CUDA can use was found.");
  require(device >= 0 && device < count, "ERR_DEVICE", "There is no device cuda:", device,
          ": this machine has ", count, ".");
  return static_cast<c10::DeviceIndex>(device);
}

cudaDeviceProp properties_of(int64_t device) {
  cudaDeviceProp properties;
  const cudaError_t status = cudaGetDeviceProperties(&properties, static_cast<int>(device));
  require(status == cudaSuccess, "ERR_DEVICE", "The device cuda:", device,
          " does not answer: ", cudaGetErrorString(status), ".");
  return properties;
}

int64_t compute_capability_major(const at::Device& device) {
  return properties_of(device.has_index() ? device.index() : c10::cuda::current_device()).major;
}

std::vector<DeviceInfo> devices() {
  std::vector<DeviceInfo> all;
  for (int64_t device = 0; device < device_count(); ++device) {
    const cudaDeviceProp properties = properties_of(device);
    all.push_back({properties.name, properties.major, properties.minor,
                   static_cast<int64_t>(properties.totalGlobalMem)});
  }
  return all;
}

MemoryUse memory_statistics(int64_t device) {
  using c10::CachingAllocator::StatType;
  const auto statistics = c10::cuda::CUDACachingAllocator::getDeviceStats(checked_device(device));
  const auto& allocated = statistics.allocated_bytes[static_cast<size_t>(StatType::AGGREGATE)];
  const auto& reserved = statistics.reserved_bytes[static_cast<size_t>(StatType::AGGREGATE)];
  MemoryUse use;
  use.taken = allocated.current;
  use.peak_taken = allocated.peak;
  use.reserved = reserved.current;
  use.peak_reserved = reserved.peak;
  return use;
}

void reset_peaks(int64_t device) { c10::cuda::CUDACachingAllocator::resetPeakStats(checked_device(device)); }
void empty_cache() {
  if (device_count() > 0) c10::cuda::CUDACachingAllocator::emptyCache();
}
void synchronize_device(int64_t device) {
  checked_device(device);
  c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device)).synchronize();
}

/// The compute thread goes on with stream `stream` of the pool; 0 is the default stream.
void set_stream(int64_t device, int64_t stream) {
  const auto index = checked_device(device);
  require(stream >= 0 && stream <= 32, "ERR_ARGUMENT", "Expected stream 0 to 32 but received ", stream, ".");
  static std::vector<std::vector<c10::cuda::CUDAStream>> pools;
  if (pools.size() <= static_cast<size_t>(index)) pools.resize(static_cast<size_t>(index) + 1);
  auto& pool = pools[static_cast<size_t>(index)];
  while (static_cast<int64_t>(pool.size()) < stream) {
    pool.push_back(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, index));
  }
  c10::cuda::setCurrentCUDAStream(stream == 0 ? c10::cuda::getDefaultCUDAStream(index)
                                              : pool[static_cast<size_t>(stream - 1)]);
}

#else

constexpr bool built_with_cuda = false;

[[noreturn]] void refuse() {
  throw Error("ERR_DEVICE",
              "This build of kappaface has no CUDA. In a clone of the repository, npm run build:cuda makes "
              "one that has.");
}
int64_t device_count() { return 0; }
int64_t compute_capability_major(const at::Device&) { refuse(); }
std::vector<DeviceInfo> devices() { return {}; }
MemoryUse memory_statistics(int64_t) { refuse(); }
void reset_peaks(int64_t) { refuse(); }
void empty_cache() {}
void synchronize_device(int64_t) { refuse(); }
void set_stream(int64_t, int64_t) { refuse(); }

#endif

}  // namespace

bool cuda_is_fast_in(Precision precision, const at::Device& device) {
  // Tensor cores: of float16 since Volta, of bfloat16 since Ampere.
  if (precision == Precision::float32) return true;
  return compute_capability_major(device) >= (precision == Precision::bfloat16 ? 8 : 7);
}

void register_cuda(Registry& registry) {
  registry.sync("builtWithCuda", [] { return built_with_cuda; });
  registry.async("cudaDevices", [] { return devices(); });
  registry.async("cudaMemory", {"device"}, [](int64_t device) { return memory_statistics(device); });
  registry.async("cudaResetPeakMemory", {"device"}, [](int64_t device) { reset_peaks(device); });
  registry.async("cudaEmptyCache", [] { empty_cache(); });
  registry.async("cudaSynchronize", {"device"}, [](int64_t device) { synchronize_device(device); });
  registry.async("cudaSetStream", {"device", "stream"},
                 [](int64_t device, int64_t stream) { set_stream(device, stream); });
  registry.async("pinMemory", {"a"}, [](const at::Tensor& tensor) {
    require(device_count() > 0, "ERR_DEVICE", "Pinned memory needs a GPU that CUDA can use; this ",
            built_with_cuda ? "machine" : "build", " has none.");
    return tensor.pin_memory();
  });
}

}  // namespace kappa
