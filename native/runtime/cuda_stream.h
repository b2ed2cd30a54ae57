// cudaStream_t, also where CUDA's headers are not: there the kernels run on the CPU and take no notice of it.
#pragma once

#if defined(__CUDACC__) || defined(KAPPA_CUDA)
#include <cuda_runtime_api.h>
#else
using cudaStream_t = void*;
#endif
