// The arithmetic of a layer's products.
#pragma once
#include <ATen/core/Tensor.h>

#include <string>

#include "runtime/error.h"

namespace kappa {

enum class Precision { float32, bfloat16, float16 };

/// @param name float32, bfloat16 or float16
inline Precision precision_named(const std::string& name) {
  if (name == "float32") return Precision::float32;
  if (name == "bfloat16") return Precision::bfloat16;
  require(name == "float16", "ERR_ARGUMENT", "Unknown precision '", name, "'.");
  return Precision::float16;
}

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
