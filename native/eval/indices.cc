#include "eval/indices.h"

#include <ATen/ATen.h>

#include <limits>

#include "runtime/error.h"

namespace kappa {

using at::Tensor;

Tensor checked_rows(const Tensor& rows, const char* what) {
  require(rows.is_cpu(), "ERR_DEVICE", "Expected ", what, " on the CPU.");
  require(rows.dim() == 2 && rows.size(1) > 0, "ERR_SHAPE", "Expected ", what,
          " (rows, dimension) but received ", rows.sizes(), ".");
  require(rows.scalar_type() == at::kFloat, "ERR_DTYPE", "Expected ", what, " in float32.");
  require(rows.size(0) <= std::numeric_limits<int32_t>::max(), "ERR_SHAPE", "Expected at most 2^31 - 1 ",
          what, ".");
  return rows.contiguous();
}

Tensor checked_integers(const Tensor& integers, int64_t size, const char* what) {
  require(integers.is_cpu(), "ERR_DEVICE", "Expected ", what, " on the CPU.");
  require(integers.dim() == 1 && (size < 0 || integers.size(0) == size), "ERR_SHAPE", "Expected ", what, " (",
          size < 0 ? integers.numel() : size, ") but received ", integers.sizes(), ".");
  require(at::isIntegralType(integers.scalar_type(), /*includeBool=*/false), "ERR_DTYPE", "Expected ", what,
          " of an integer type.");
  return integers.to(at::kLong).contiguous();
}

namespace {

template <class T>
void must_be_below(const Tensor& indices, int64_t count, const char* what) {
  const auto* values = indices.const_data_ptr<T>();
  for (int64_t i = 0; i < indices.numel(); ++i) {
    require(values[i] >= 0 && values[i] < count, "ERR_LABEL_RANGE", "Expected ", what, " from 0 to ",
            count - 1, " but number ", i, " is ", values[i], ".");
  }
}

}  // namespace

Tensor checked_indices(const Tensor& indices, int64_t size, int64_t count, const char* what) {
  // There are millions of them: those that come as they are needed are not copied.
  if (indices.is_cpu() && indices.scalar_type() == at::kInt && indices.dim() == 1 &&
      (size < 0 || indices.size(0) == size)) {
    const Tensor own = indices.contiguous();
    must_be_below<int32_t>(own, count, what);
    return own;
  }
  const Tensor wide = checked_integers(indices, size, what);
  must_be_below<int64_t>(wide, count, what);
  return wide.to(at::kInt);
}

}  // namespace kappa
