#include "runtime/refusal.h"

namespace kappa {

at::Tensor stand_in(const at::Tensor& tensor, StandInTypes types) {
  if (!tensor.defined()) return tensor;
  at::ScalarType dtype = tensor.scalar_type();
  if (types == StandInTypes::all_floats ||
      (types == StandInTypes::floats_alike && tensor.is_floating_point())) {
    dtype = at::kFloat;
  } else if (types == StandInTypes::all_integers) {
    dtype = at::kLong;
  }
  return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().dtype(dtype).device(at::kMeta));
}

Operand stand_in(const Operand& operand, StandInTypes types) {
  return {stand_in(operand.tensor, types), operand.number};
}

std::vector<at::Tensor> stand_in(const std::vector<at::Tensor>& tensors, StandInTypes types) {
  std::vector<at::Tensor> result;
  result.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) result.push_back(stand_in(tensor, types));
  return result;
}

std::optional<at::Tensor> stand_in(const std::optional<at::Tensor>& tensor, StandInTypes types) {
  if (!tensor) return std::nullopt;
  return stand_in(*tensor, types);
}

}  // namespace kappa
