// The kernels of kernels/samples.h on a CPU, on all threads.
#pragma once
#include "kernels/samples.h"

namespace kappa::cpu {

/// T is float or double. Dot products and everything of a single sample are computed in double.
template <class T>
const SampleKernels<T>& sample_kernels();

}  // namespace kappa::cpu
