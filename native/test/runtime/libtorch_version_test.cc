#include "runtime/libtorch_version.h"

#include <torch/version.h>

#include "test/test.h"

using kappa::version_in;

TEST("LibTorch's version is read from its description of itself") {
  EXPECT(version_in("PERF_WITH_AVX=1, TORCH_VERSION=2.13.0, USE_CUDA=0, \n") == "2.13.0");
  EXPECT(version_in("TORCH_VERSION=2.9.1+cu130, USE_CUDA=1") == "2.9.1");
  EXPECT(version_in("TORCH_VERSION=2.14.0a0") == "2.14.0");
  EXPECT(version_in("TORCH_VERSION=2.11.0") == "2.11.0");
  EXPECT(version_in("PyTorch built with:\n  - GCC 13.3\n").empty());
}

TEST("the LibTorch of the tests is the one that they were compiled with") {
  EXPECT(kappa::loaded_libtorch() == version_in("TORCH_VERSION=" TORCH_VERSION));
  kappa::require_loaded_libtorch();
}
