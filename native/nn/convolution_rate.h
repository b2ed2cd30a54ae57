// What the machine computes in a precision: told by `kappa doctor`.
#pragma once
#include "runtime/precision.h"

namespace kappa {

/// Floating-point operations a second of a 3 x 3 convolution of an IResNet (64 channels, 28 x 28, a batch of
/// 8) with the threads that are set: the best of several runs, for what else a machine does only takes away.
/// @param seconds how long to try, at least
double measure_convolution(Precision precision, double seconds);

}  // namespace kappa
