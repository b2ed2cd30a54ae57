// Numbers of JavaScript as elements: none is changed on the way into a tensor.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Scalar.h>

#include <optional>

namespace kappa {

/// The number as an element of the type.
/// @throws ERR_ARGUMENT where the type cannot hold it: 1.5 or NaN as an integer, 300 as uint8, 1e300 as
/// float32. Floating-point types round.
at::Scalar element_of(at::ScalarType dtype, double number);

/// The number as the other side of an operation with a tensor. Integers stay integers, as `tensor + 1` does
/// in PyTorch; a fraction makes the result of an integer tensor a floating-point one.
/// @throws ERR_ARGUMENT where it lies outside the range of the tensor's type
at::Scalar operand_for(const at::Tensor& tensor, double number);
std::optional<at::Scalar> operand_for(const at::Tensor& tensor, const std::optional<double>& number);

}  // namespace kappa
