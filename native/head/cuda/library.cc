#include "head/cuda/library.h"

#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#include <cublas_v2.h>

#include <type_traits>

#include "runtime/error.h"

namespace kappa::cuda {
namespace {

template <class L>
constexpr cudaDataType_t type_of() {
  if constexpr (std::is_same_v<L, float>) return CUDA_R_32F;
  if constexpr (std::is_same_v<L, Half>) return CUDA_R_16F;
  return CUDA_R_16BF;
}

void check(cublasStatus_t status) {
  require(status == CUBLAS_STATUS_SUCCESS, "ERR_CUDA",
          "cuBLAS gave up on a product: ", cublasGetStatusString(status), ".");
}

/// 0 and 1 on the device, for products whose factor is there.
const float* constants() {
  static thread_local at::Tensor values[16];
  const auto device = static_cast<size_t>(c10::cuda::current_device());
  require(device < std::size(values), "ERR_DEVICE", "There are more than ", std::size(values), " GPUs.");
  if (!values[device].defined())
    values[device] = at::arange(2, at::dtype(at::kFloat).device(at::kCUDA, static_cast<int8_t>(device)));
  return values[device].const_data_ptr<float>();
}

/// Puts a handle's pointer mode back, whatever happens.
class DevicePointers {
 public:
  explicit DevicePointers(cublasHandle_t handle) : handle_(handle) {
    check(cublasSetPointerMode(handle_, CUBLAS_POINTER_MODE_DEVICE));
  }
  ~DevicePointers() { cublasSetPointerMode(handle_, CUBLAS_POINTER_MODE_HOST); }
  DevicePointers(const DevicePointers&) = delete;
  DevicePointers& operator=(const DevicePointers&) = delete;

 private:
  cublasHandle_t handle_;
};

}  // namespace

template <class L>
void product(int64_t m, int64_t n, int64_t k, const Matrix<L>& a, const Matrix<L>& b, const Factor& factor,
             bool accumulate, float* result, int64_t result_stride) {
  cublasHandle_t handle = at::cuda::getCurrentCUDABlasHandle();
  const auto multiply = [&](const float* alpha, const float* beta) {
    // cuBLAS counts by columns: the transpose of the result is the product of the transposes, the other way
    // round. Whether float32 may be TF32 is the handle's mode, which LibTorch sets as its settings say.
    check(cublasGemmEx(handle, b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                       a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N, static_cast<int>(n), static_cast<int>(m),
                       static_cast<int>(k), alpha, b.data, type_of<L>(), static_cast<int>(b.stride), a.data,
                       type_of<L>(), static_cast<int>(a.stride), beta, result, CUDA_R_32F,
                       static_cast<int>(result_stride), CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT));
  };
  if (factor.on_device == nullptr) {
    const float beta = accumulate ? 1.0f : 0.0f;
    multiply(&factor.value, &beta);
  } else {
    const float* zero_and_one = constants();
    const DevicePointers mode(handle);
    multiply(factor.on_device, zero_and_one + (accumulate ? 1 : 0));
  }
}

template void product<float>(int64_t, int64_t, int64_t, const Matrix<float>&, const Matrix<float>&,
                             const Factor&, bool, float*, int64_t);
template void product<Half>(int64_t, int64_t, int64_t, const Matrix<Half>&, const Matrix<Half>&,
                            const Factor&, bool, float*, int64_t);
template void product<BFloat16>(int64_t, int64_t, int64_t, const Matrix<BFloat16>&, const Matrix<BFloat16>&,
                                const Factor&, bool, float*, int64_t);

int64_t free_memory() {
  size_t free = 0;
  size_t total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(c10::cuda::current_device());
  const auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return static_cast<int64_t>(free) + stats.reserved_bytes[all].current - stats.allocated_bytes[all].current;
}

cudaStream_t current_stream() { return c10::cuda::getCurrentCUDAStream(); }

}  // namespace kappa::cuda
