#include "runtime/cpu_features.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "runtime/cpu_clones.h"
#include "test/test.h"

namespace kappa {
namespace {

TEST("a processor that has more has what the lesser have") {
  const CpuFeatures& features = cpu_features();
  EXPECT(!features.avx512 || features.avx2);
  EXPECT(!features.avx512_bf16 || features.avx512);
  EXPECT(!features.amx_bf16 || features.avx512_bf16);
  EXPECT(cpu_is_fast_in(Precision::float32));
  EXPECT(!cpu_is_fast_in(Precision::float16));
}

KAPPA_INLINE void fill_of(float* values, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i) values[i] = factor * static_cast<float>(i);
}

TEST("a clone does what was written, whatever the instruction set") {
  std::vector<float> values(37);
  float* data = values.data();
  KAPPA_CLONE(fill_of(data, 37, 0.5f));
  for (size_t i = 0; i < values.size(); ++i) EXPECT(values[i] == 0.5f * static_cast<float>(i));
#ifdef KAPPA_CLONES
  const auto body = [=](float factor) {
    return [=]() __attribute__((always_inline)) { fill_of(data, 37, factor); };
  };
  if (cpu_features().avx2) {
    run_for_avx2(body(2.0f));
    for (size_t i = 0; i < values.size(); ++i) EXPECT(values[i] == 2.0f * static_cast<float>(i));
  }
  if (cpu_features().avx512) {
    run_for_avx512(body(3.0f));
    for (size_t i = 0; i < values.size(); ++i) EXPECT(values[i] == 3.0f * static_cast<float>(i));
  }
#endif
}

}  // namespace
}  // namespace kappa
