// The arithmetic of a layer's products.
#pragma once
#include <ATen/core/Tensor.h>

#include "runtime/describe.h"

namespace kappa {

enum class Precision { float32, bfloat16, float16 };

template <>
struct Choices<Precision> {
  static constexpr const char* name = "Precision";
  static constexpr Choice<Precision> list[] = {
      {"float32", Precision::float32}, {"bfloat16", Precision::bfloat16}, {"float16", Precision::float16}};
};

inline at::ScalarType scalar_type_of(Precision precision) {
  switch (precision) {
    case Precision::bfloat16:
      return at::kBFloat16;
    case Precision::float16:
      return at::kHalf;
    default:
      return at::kFloat;
  }
}

}  // namespace kappa
