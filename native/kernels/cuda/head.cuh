// The head's kernels. nvcc compiles this file for the device; the tests compile the very same file for the
// CPU with test/cuda_on_cpu.h, which plays blocks, threads, barriers and shuffles.
#pragma once
#include "kernels/cuda/exponentials.cuh"
#include "kernels/cuda/rows.cuh"
#include "kernels/cuda/samples.cuh"

namespace kappa::cuda {

#define KAPPA_INSTANTIATE(L)                                                                         \
  template void unit_rows<L>(const float*, const int64_t*, int64_t, int64_t, L*, cudaStream_t);      \
  template void exponentials<L>(const LogitBlock&, const float*, L*, int64_t, float*, cudaStream_t); \
  template void weigh_units<L>(const float*, const double*, int64_t, int64_t, L*, cudaStream_t);     \
  template void step_rows<L>(const float*, const int64_t*, int64_t, int64_t, const Factor&,          \
                             const RowStep<float>&, const float*, float*, float*, L*, cudaStream_t);
KAPPA_INSTANTIATE(float)
KAPPA_INSTANTIATE(Half)
KAPPA_INSTANTIATE(BFloat16)
#undef KAPPA_INSTANTIATE

}  // namespace kappa::cuda
