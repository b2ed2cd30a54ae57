#include "runtime/cuda_stream.h"

#include <c10/cuda/CUDAStream.h>

namespace kappa::cuda {

cudaStream_t current_stream() { return c10::cuda::getCurrentCUDAStream(); }

}  // namespace kappa::cuda
