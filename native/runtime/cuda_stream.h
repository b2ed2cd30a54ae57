// cudaStream_t, also where CUDA's headers are not: there the kernels run on the CPU and take no notice of it.
#pragma once

#if defined(__CUDACC__) || defined(KAPPA_CUDA)
#include <cuda_runtime_api.h>
#else
using cudaStream_t = void*;
#endif

namespace kappa::cuda {

/// LibTorch's stream on the current device. The tests have one of their own.
cudaStream_t current_stream();

}  // namespace kappa::cuda
