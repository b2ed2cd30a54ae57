#include "optim/decision.h"

#include <ATen/ATen.h>

#include "runtime/error.h"

namespace kappa {

using at::Tensor;

void check_found(const Tensor& found) {
  require(found.numel() == 1 && found.dim() == 1, "ERR_SHAPE",
          "Expected one number for what was found, of shape [1], but received ", found.sizes(), ".");
  require(found.scalar_type() == at::kFloat, "ERR_DTYPE", "What was found is noted in float32.");
}

void note_not_finite(const Tensor& found, const std::vector<Tensor>& values) {
  check_found(found);
  at::NoGradGuard guard;
  for (const Tensor& value : values) {
    found.add_(value.isfinite().logical_not_().sum().to(found.device(), at::kFloat));
  }
}

Tensor left_out(const Tensor& found, const at::Device& device) {
  check_found(found);
  return found.ne(0).to(device, at::kFloat);
}

std::vector<double> read_numbers(const std::vector<Tensor>& tensors) {
  if (tensors.empty()) return {};
  at::NoGradGuard guard;
  const at::Device device = tensors.front().device();
  std::vector<Tensor> numbers;
  for (const Tensor& tensor : tensors) {
    require(tensor.numel() == 1, "ERR_SHAPE", "Expected tensors of one element but one has ", tensor.numel(),
            ".");
    numbers.push_back(tensor.reshape({1}).to(device, at::kDouble));
  }
  const Tensor read = at::cat(numbers).to(at::kCPU).contiguous();
  const double* first = read.const_data_ptr<double>();
  return {first, first + read.numel()};
}

}  // namespace kappa
