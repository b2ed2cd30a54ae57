#include "runtime/device_settings.h"

#include <ATen/Context.h>

namespace kappa {

void apply(const DeviceSettings& settings) {
  at::Context& context = at::globalContext();
  // The precision of float32 products follows.
  context.setAllowTF32CuBLAS(settings.allow_tf32);
  context.setAllowTF32CuDNN(settings.allow_tf32);
  context.setDeterministicCuDNN(settings.deterministic);
  context.setBenchmarkCuDNN(!settings.deterministic);
  // Where LibTorch has no such algorithm it warns. Memory that is written anyway need not be filled.
  context.setDeterministicAlgorithms(settings.deterministic, /*warn_only=*/true);
  context.setDeterministicFillUninitializedMemory(false);
}

}  // namespace kappa
