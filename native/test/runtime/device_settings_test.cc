#include "runtime/device_settings.h"

#include <ATen/Context.h>

#include "test/test.h"

namespace {

void expect_tf32(bool allowed) {
  const at::Context& context = at::globalContext();
  EXPECT(context.allowTF32CuBLAS() == allowed);
  EXPECT(context.allowTF32CuDNN() == allowed);
  EXPECT((context.float32MatmulPrecision() == at::Float32MatmulPrecision::HIGHEST) == !allowed);
}

void expect_deterministic(bool on) {
  const at::Context& context = at::globalContext();
  EXPECT(context.deterministicCuDNN() == on);
  EXPECT(context.benchmarkCuDNN() == !on);
  EXPECT(context.deterministicAlgorithms() == on);
  EXPECT(!context.deterministicFillUninitializedMemory());
}

}  // namespace

TEST("settings of devices reach LibTorch, each by itself, back and forth") {
  for (const bool allow_tf32 : {true, false}) {
    for (const bool deterministic : {true, false}) {
      kappa::apply({allow_tf32, deterministic});
      expect_tf32(allow_tf32);
      expect_deterministic(deterministic);
    }
  }
  kappa::apply({});
  expect_tf32(false);
  expect_deterministic(false);
}
