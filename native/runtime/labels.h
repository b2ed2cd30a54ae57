// Labels and indices as users have them: integers of any type.
#pragma once
#include <ATen/core/Tensor.h>

#include "runtime/convert.h"
#include "runtime/error.h"

namespace kappa {

/// The same numbers as int64.
/// @param what names them in the error
inline at::Tensor as_int64(const at::Tensor& numbers, const char* what) {
  require(at::isIntegralType(numbers.scalar_type(), /*includeBool=*/false), "ERR_DTYPE", "Expected ", what,
          " of type int64 (int32 and uint8 are taken, too) but received ", dtype_name(numbers.scalar_type()),
          ".");
  return numbers.to(at::kLong);
}

}  // namespace kappa
