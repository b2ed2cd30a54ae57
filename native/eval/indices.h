// Rows and the indices of them, as benchmarks give them.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace kappa {

/// float32 rows on the CPU, one below the other.
/// @throws Error ERR_SHAPE, ERR_DTYPE, ERR_DEVICE
at::Tensor checked_rows(const at::Tensor& rows, const char* what);

/// Integers of any type, on the CPU, as int64.
/// @param size how many there must be; below 0: any number
/// @throws Error ERR_SHAPE, ERR_DTYPE, ERR_DEVICE
at::Tensor checked_integers(const at::Tensor& integers, int64_t size, const char* what);

/// Integers on the CPU as int32, each from 0 to below `count`.
/// @param size how many there must be; below 0: any number
/// @throws Error ERR_SHAPE, ERR_DTYPE, ERR_DEVICE, ERR_LABEL_RANGE naming the first that is not
at::Tensor checked_indices(const at::Tensor& indices, int64_t size, int64_t count, const char* what);

}  // namespace kappa
